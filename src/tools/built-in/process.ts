import { invalidInput, LachesisError } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import type { BackgroundProcess } from '../../sandbox/index.ts';
import type { AnyTool, ToolContext } from '../tool-handler.ts';
import { choiceArgument, optionalText, textArgument, wholeArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';
import { stripAnsi } from './strip-ansi.ts';

export interface ProcessToolOptions {
  /** Most that one `wait` may take. Default: 180 s. */
  readonly maxWaitMs?: number;
  /** Default: true. */
  readonly stripAnsi?: boolean;
}

const ACTIONS = ['list', 'poll', 'log', 'wait', 'kill', 'write', 'submit', 'close'] as const;
type Action = (typeof ACTIONS)[number];

const POLL_CHARACTERS = 1_000;
const LOG_LINES = 200;
const LIST_CHARACTERS = 200;
const GRACE_MS = 10_000;

/** `process`: looks after what `terminal` started in the background. */
export function processTool(options: ProcessToolOptions = {}): AnyTool {
  const { maxWaitMs = 180_000 } = options;
  return builtInTool({
    name: 'process',
    description:
      'Looks after programs that terminal(background=true) started: list them, poll one for its newest output, ' +
      'log (its output by lines), wait for its end, kill it, write to its input, submit a line to it, close its input.',
    properties: {
      action: { type: 'string', enum: [...ACTIONS], description: 'What to do.' },
      session_id: { type: 'string', description: 'Which one; for all actions but list.' },
      data: { type: 'string', description: 'The text for write and submit.' },
      timeout: {
        type: 'integer',
        description: `Most seconds to wait (at most ${maxWaitMs / 1_000}).`,
        minimum: 1,
      },
      offset: { type: 'integer', description: 'For log: the first line; 0 for the last ones.' },
      limit: { type: 'integer', description: `For log: how many lines (default ${LOG_LINES}).` },
    },
    required: ['action'],
    timeoutMs: maxWaitMs + GRACE_MS,
    run: (args, context) => run(args, context, { maxWaitMs, strips: options.stripAnsi !== false }),
  });
}

async function run(
  args: JsonObject,
  { sandbox, signal }: ToolContext,
  { maxWaitMs, strips }: { readonly maxWaitMs: number; readonly strips: boolean },
): Promise<JsonObject> {
  const action = choiceArgument(args, 'action', ACTIONS);
  const textOf = (process: BackgroundProcess): string => {
    const { text } = process.output();
    return strips ? stripAnsi(text) : text;
  };
  if (action === 'list') {
    const processes = sandbox.processes.all.map((process) => ({
      ...statusOf(process),
      command: process.script.slice(0, LIST_CHARACTERS),
      output_preview: textOf(process).slice(-LIST_CHARACTERS),
    }));
    return { processes };
  }
  const id = optionalText(args, 'session_id');
  if (id === undefined) {
    throw invalidInput('session_id', 'is missing; action="list" shows which there are.');
  }
  const process = sandbox.processes.get(id);
  if (process === undefined) {
    return { status: 'not_found', error: `No process with ID ${JSON.stringify(id.slice(0, 100))}` };
  }
  return await act(action, process, { args, signal, maxWaitMs, textOf });
}

async function act(
  action: Exclude<Action, 'list'>,
  process: BackgroundProcess,
  {
    args,
    signal,
    maxWaitMs,
    textOf,
  }: {
    readonly args: JsonObject;
    readonly signal: AbortSignal;
    readonly maxWaitMs: number;
    readonly textOf: (process: BackgroundProcess) => string;
  },
): Promise<JsonObject> {
  switch (action) {
    case 'poll':
      return {
        ...statusOf(process),
        command: process.script.slice(0, LIST_CHARACTERS),
        output_preview: textOf(process).slice(-POLL_CHARACTERS),
      };
    case 'log':
      return { ...statusOf(process), ...logOf(textOf(process), args) };
    case 'wait': {
      const most = maxWaitMs / 1_000;
      const seconds = wholeArgument(args, 'timeout', { default: most, min: 1, max: most });
      const hasEnded = await process.wait({ timeoutMs: seconds * 1_000, signal });
      const output = textOf(process).slice(-POLL_CHARACTERS);
      return hasEnded
        ? { ...statusOf(process), output }
        : { ...statusOf(process), status: 'timeout', output, timeout_note: `Waited ${seconds}s.` };
    }
    case 'kill': {
      const was = process.exitCode;
      await process.kill();
      return { ...statusOf(process), status: was === undefined ? 'killed' : 'already_exited' };
    }
    case 'write':
    case 'submit': {
      assertRunning(process);
      const data = action === 'write' ? textArgument(args, 'data') : optionalText(args, 'data');
      const text = action === 'write' ? (data ?? '') : `${data ?? ''}\n`;
      await process.write(text);
      return { status: 'ok', bytes_written: Buffer.byteLength(text) };
    }
    case 'close':
      assertRunning(process);
      await process.closeInput();
      return { status: 'ok', message: 'Its input is closed.' };
  }
}

function statusOf({ id, exitCode }: BackgroundProcess): JsonObject {
  return exitCode === undefined
    ? { session_id: id, status: 'running' }
    : { session_id: id, status: 'exited', exit_code: exitCode };
}

function logOf(text: string, args: JsonObject): JsonObject {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const limit = wholeArgument(args, 'limit', { default: LOG_LINES, min: 1, max: 2_000 });
  const offset = wholeArgument(args, 'offset', { default: 0, min: 0, max: lines.length });
  const shown = offset === 0 ? lines.slice(-limit) : lines.slice(offset, offset + limit);
  return { output: shown.join('\n'), total_lines: lines.length, showing: `${shown.length} lines` };
}

function assertRunning({ id, exitCode }: BackgroundProcess): void {
  if (exitCode === undefined) return;
  throw new LachesisError('failed_precondition', `${id} has ended with code ${exitCode}.`, {
    reason: 'PROCESS_ENDED',
  });
}
