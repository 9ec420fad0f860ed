import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import { withoutDescriptors } from '../local/inherited-descriptors.ts';
import { processFacts, sendSignal } from '../local/process-table.ts';
import type { BoxCommand } from './box-arguments.ts';
import { bwrapRemedy } from './remedies.ts';

const MAX_COMPLAINT = 4_096;
const MAX_INFO = 65_536;

export interface LaunchOptions {
  readonly bwrap: string;
  readonly command: BoxCommand;
  /** To become first; undefined to stay who we are. */
  readonly identity: { readonly uid: number; readonly gid: number } | undefined;
  readonly inherited: readonly number[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A box that is up: bwrap, and the process that all of it dies with. */
export interface LaunchedBox {
  readonly child: ChildProcess;
  /** The box's first process, as the host numbers it. */
  readonly initPid: number;
  /** What its script said when it was ready. */
  readonly greeting: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves once everything of it has ended. */
  readonly ended: Promise<void>;
}

/** Starts bwrap, and waits both for the first line of the box's script and for what bwrap says of it. */
export async function launchBox(options: LaunchOptions): Promise<LaunchedBox> {
  const { bwrap, command, identity, inherited, timeoutMs } = options;
  options.signal.throwIfAborted();
  const [program = bwrap, ...args] = withoutDescriptors(inherited, [bwrap, ...command.args]);
  const child = spawn(program, args, {
    // Its first process shows this environment to everyone in the box.
    env: {},
    cwd: '/',
    // Ctrl-C in a terminal tells our whole group; a box ends when we end it, or with us.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', ...command.files.map(() => 'pipe' as const)],
    ...identity,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  for (const stream of child.stdio) stream?.on('error', () => {});
  command.files.forEach((content, i) => (child.stdio[4 + i] as Writable).end(content));
  using deadline = startDeadline({
    timeoutMs,
    signal: options.signal,
    reason: () =>
      new LachesisError('infrastructure_error', `bwrap made no box within ${timeoutMs} ms.`, {
        reason: 'SANDBOX_CREATE_FAILED',
        remedy: 'The host is busy or out of memory; look at its load.',
      }),
  });
  try {
    const { info, greeting } = await untilAborted(firstWords(child), { signal: deadline });
    child.stderr?.destroy();
    (child.stdio[3] as Readable).destroy();
    return {
      child,
      initPid: info,
      greeting,
      stdin: child.stdin as Writable,
      stdout: child.stdout as Readable,
      ended,
    };
  } catch (error) {
    child.kill('SIGKILL');
    for (const stream of child.stdio) stream?.destroy();
    await ended;
    throw error;
  }
}

function firstWords(child: ChildProcess): Promise<{ info: number; greeting: string }> {
  return new Promise((resolve, reject) => {
    let info = '';
    let output = '';
    let complaint = '';
    const look = (): void => {
      const pid = /"child-pid":\s*(\d+)[^}]*\}/.exec(info)?.[1];
      const line = /^(.*)\n/.exec(output)?.[1];
      if (pid !== undefined && line !== undefined) resolve({ info: Number(pid), greeting: line });
    };
    child.stderr?.on('data', (bytes: Buffer) => {
      if (complaint.length < MAX_COMPLAINT) complaint += bytes.toString();
    });
    child.stdout?.on('data', (bytes: Buffer) => {
      if (output.length < MAX_INFO) output += bytes.toString();
      look();
    });
    (child.stdio[3] as Readable).on('data', (bytes: Buffer) => {
      if (info.length < MAX_INFO) info += bytes.toString();
      look();
    });
    child.once('error', (error) => reject(createFailed(error.message)));
    child.once('close', (code, signal) =>
      reject(createFailed(complaint.trim() || `bwrap ended with ${code ?? signal}`)),
    );
  });
}

function createFailed(words: string): LachesisError {
  return new LachesisError('infrastructure_error', `bwrap could not make a box: ${words}.`, {
    reason: 'SANDBOX_CREATE_FAILED',
    remedy: bwrapRemedy(words),
  });
}

/** Its first process takes all others along, and bwrap waits for that; without it, bwrap itself is ended. */
export function endBox({ child, initPid }: Pick<LaunchedBox, 'child' | 'initPid'>): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (processFacts(initPid)?.parent === child.pid) sendSignal(initPid, 'SIGKILL');
  else child.kill('SIGKILL');
}
