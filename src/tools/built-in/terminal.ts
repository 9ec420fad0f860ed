import { invalidInput } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import { OutputCapture, outputBytes, outputText, type ShellResult } from '../../sandbox/index.ts';
import { spillToSandbox } from '../spill-file.ts';
import type { AnyTool, ToolContext } from '../tool-handler.ts';
import { flagArgument, optionalText, textArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';
import { exitCodeMeaning } from './exit-code-meaning.ts';
import { resolvePath } from './sandbox-files.ts';
import { stripAnsi } from './strip-ansi.ts';

export interface TerminalOptions {
  /** Of a command that names none. Default: as the rollout's host says (`TERMINAL_TIMEOUT`), else 180 s. */
  readonly timeoutMs?: number;
  /** Most that a command may ask for. Default: 600 s. */
  readonly maxTimeoutMs?: number;
  /** Kept of a command's output, 40 % of the beginning and 60 % of the end. Default: 50,000. */
  readonly maxOutputBytes?: number;
  /**
   * Of an output that is longer, so much goes into a file of the sandbox, whose name the model is told; 0 for
   * none. Default: 5 MB.
   */
  readonly maxSpillBytes?: number;
  /** Leaves out what a terminal would act on, such as colours. Default: true. */
  readonly stripAnsi?: boolean;
}

/** For the last output to come, the shell's state to be read and a long output to be put away. */
const GRACE_MS = 15_000;
const SPILL_TIMEOUT_MS = 8_000;
const DEFAULT_TIMEOUT_MS = 180_000;

/** `terminal`: runs a command in the rollout's shell, or starts one in the background. */
export function terminalTool(options: TerminalOptions = {}): AnyTool {
  const { timeoutMs, maxTimeoutMs = 600_000 } = options;
  const usual = `default ${(timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1_000}${timeoutMs === undefined ? ' where nothing else is set' : ''}`;
  return builtInTool({
    name: 'terminal',
    description:
      'Runs a shell command in the sandbox. The working directory, exported variables, functions and aliases ' +
      'last from one call to the next. Nothing can be typed into a command in the foreground. Use ' +
      'background=true for servers and whatever goes on by itself, and the process tool to look after it.',
    properties: {
      command: { type: 'string', description: 'The command; read by bash.' },
      background: {
        type: 'boolean',
        description: 'Start it and go on; gives a session_id for the process tool.',
        default: false,
      },
      pty: {
        type: 'boolean',
        description: 'With background=true: give it a terminal, for programs that want one.',
        default: false,
      },
      timeout: {
        type: 'integer',
        description: `Most seconds it may take (${usual}, at most ${maxTimeoutMs / 1_000}).`,
        minimum: 1,
      },
      workdir: { type: 'string', description: 'Directory of this command alone.' },
    },
    required: ['command'],
    timeoutMs: maxTimeoutMs + GRACE_MS,
    failed: (error) => ({ output: '', exit_code: -1, error }),
    run: (args, context) => run(args, context, { ...options, maxTimeoutMs }),
  });
}

async function run(
  args: JsonObject,
  context: ToolContext,
  options: TerminalOptions & { readonly maxTimeoutMs: number },
): Promise<JsonObject> {
  const { sandbox, signal } = context;
  const command = textArgument(args, 'command');
  const workdir = optionalText(args, 'workdir');
  const cwd = workdir === undefined ? {} : { cwd: await resolvePath(workdir, context) };
  const pty = flagArgument(args, 'pty');
  if (flagArgument(args, 'background')) {
    const { id } = await sandbox.processes.start(command, { ...cwd, pty, signal });
    const output = 'Background process started';
    return { output, session_id: id, exit_code: 0, error: null };
  }
  if (pty) {
    throw invalidInput('pty', 'is for programs in the background.', {
      remedy: 'Use background=true and the process tool.',
    });
  }
  const usualMs = Math.min(
    options.timeoutMs ?? sandbox.shell.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    options.maxTimeoutMs,
  );
  const timeoutMs = timeoutOf(args, { usualMs, maxTimeoutMs: options.maxTimeoutMs });
  const { maxOutputBytes = 50_000, maxSpillBytes = 5_000_000 } = options;
  const all = new OutputCapture(maxSpillBytes);
  const result = await sandbox.shell.run(command, {
    ...{ ...cwd, timeoutMs, maxOutputBytes, signal },
    onOutput: (bytes) => all.push(bytes),
  });
  signal.throwIfAborted();
  const isLong = result.output.omittedBytes > 0 && maxSpillBytes > maxOutputBytes;
  const spilled = isLong ? await spill(all, context) : undefined;
  const raw = outputText(result.output);
  const text = (options.stripAnsi === false ? raw : stripAnsi(raw)).trimEnd();
  const output = result.timedOut
    ? `${text}${text === '' ? '' : '\n'}[Command timed out after ${timeoutMs / 1_000}s]`
    : text;
  const meaning = meaningOf(command, result);
  const note = noteOf(result, spilled);
  return {
    output,
    exit_code: result.exitCode,
    error: null,
    ...(meaning === undefined ? {} : { exit_code_meaning: meaning }),
    ...(note === undefined ? {} : { note }),
  };
}

function timeoutOf(
  args: JsonObject,
  options: { readonly usualMs: number; readonly maxTimeoutMs: number },
): number {
  const seconds = args['timeout'];
  if (seconds === undefined || seconds === null) return options.usualMs;
  if (typeof seconds !== 'number' || !(seconds > 0)) {
    throw invalidInput('timeout', 'is no number of seconds above 0.');
  }
  const most = options.maxTimeoutMs / 1_000;
  if (seconds > most) {
    throw invalidInput('timeout', `${seconds}s is above the most of ${most}s in the foreground.`, {
      remedy: 'Use background=true for what takes longer.',
    });
  }
  return seconds * 1_000;
}

function meaningOf(command: string, result: ShellResult): string | undefined {
  const { exitCode, timedOut, signal } = result;
  if (exitCode === 0 || timedOut) return undefined;
  if (signal !== undefined) return `Ended by ${signal}`;
  return exitCodeMeaning(command, exitCode);
}

/** Says where the output is, and how much of it. */
async function spill(
  all: OutputCapture,
  { sandbox, signal }: ToolContext,
): Promise<string | undefined> {
  const captured = all.captured();
  const isWhole = captured.omittedBytes === 0;
  const content = isWhole ? outputBytes(captured) : outputText(captured);
  const path = await spillToSandbox(sandbox, content, { timeoutMs: SPILL_TIMEOUT_MS, signal });
  if (path === undefined) return undefined;
  const what = isWhole ? 'All of its output' : 'More of its output';
  return `${what} is in ${path} (${captured.totalBytes} bytes came); read it by parts.`;
}

const LOST: Readonly<Record<NonNullable<ShellResult['stateLostBy']>, string>> = {
  ended: 'The command ended its shell',
  too_large: 'The exported variables and functions are too large to be kept',
  directory_name: 'The path of the directory it went to is too long or no UTF-8',
};

function noteOf(
  { stateLost, stateLostBy = 'ended', leftRunning, timedOut }: ShellResult,
  spilled: string | undefined,
): string | undefined {
  const notes = spilled === undefined ? [] : [spilled];
  if (stateLost) {
    notes.push(`${LOST[stateLostBy]}: directory and variables are those from before it.`);
  }
  if (leftRunning && !timedOut) {
    notes.push(
      'Something of it still runs and its output is lost; start such things with background=true.',
    );
  }
  return notes.length === 0 ? undefined : notes.join(' ');
}
