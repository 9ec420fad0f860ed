import path from 'node:path';
import { onAbort } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';
import type { Command, ProcessExit, SandboxProcess } from '../contract/command.ts';
import type { Sandbox, TransferOptions } from '../contract/sandbox.ts';
import { OutputCapture } from './output-capture.ts';
import { outputText } from './output-text.ts';
import { untilStarted } from './until-started.ts';

const MAX_COMPLAINT_BYTES = 4_096;
const UNPACK = 'mkdir -p -- "$1" && exec tar -xpof - -C "$1"';

/** Unpacks by the sandbox's own `tar`, so that whatever a hostile archive does it does in there. */
export async function unpackAt(
  sandbox: Sandbox,
  target: string,
  tar: AsyncIterable<Uint8Array>,
  { signal }: TransferOptions,
): Promise<number> {
  let bytes = 0;
  const counted = async function* () {
    for await (const piece of tar) {
      signal?.throwIfAborted();
      bytes += piece.length;
      yield piece;
    }
  };
  const argv = ['sh', '-c', UNPACK, 'sh', target] as const;
  const process = await started(sandbox, { argv, cwd: '/', stdin: counted() }, signal);
  const complaint = new OutputCapture(MAX_COMPLAINT_BYTES);
  const exit = await guarded(process, signal, async () => {
    for await (const chunk of process.output) complaint.push(chunk.bytes);
    return await process.exited;
  });
  assertWent(exit, complaint, `The archive could not be unpacked at ${target}`);
  return bytes;
}

/** Packs by the sandbox's own `tar`. */
export async function* packPath(
  sandbox: Sandbox,
  source: string,
  { signal }: TransferOptions,
): AsyncGenerator<Uint8Array> {
  const { dir, base } = path.posix.parse(path.posix.normalize(source));
  const argv = ['tar', '-cf', '-', '-C', dir || '/', '--', base || '.'] as const;
  const process = await started(sandbox, { argv, cwd: '/' }, signal);
  const complaint = new OutputCapture(MAX_COMPLAINT_BYTES);
  const callOff = whenAborted(signal, () => endNow(process));
  let isOver = false;
  try {
    for await (const { stream, bytes } of process.output) {
      signal?.throwIfAborted();
      if (stream === 'stdout') yield bytes;
      else complaint.push(bytes);
    }
    isOver = true;
    signal?.throwIfAborted();
    assertWent(await process.exited, complaint, `${source} could not be packed`);
  } finally {
    callOff();
    if (!isOver) endNow(process);
  }
}

/** A backend may take its time, and not hear of the signal then. */
async function started(
  sandbox: Sandbox,
  command: Command,
  signal: AbortSignal | undefined,
): Promise<SandboxProcess> {
  return await untilStarted(sandbox.spawn(command, signal === undefined ? {} : { signal }), signal);
}

/** Also when it fired already, as it may have while the command was started. */
function whenAborted(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal?.aborted === false) return onAbort(signal, run);
  if (signal !== undefined) run();
  return () => {};
}

async function guarded<Value>(
  process: SandboxProcess,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  const callOff = whenAborted(signal, () => endNow(process));
  try {
    const value = await work();
    signal?.throwIfAborted();
    return value;
  } finally {
    callOff();
  }
}

function endNow(process: SandboxProcess): void {
  process.detach();
  // Nobody waits for it any more; what can't be told to end ends with its sandbox.
  void process.kill('SIGKILL').catch(() => {});
}

function assertWent(exit: ProcessExit, complaint: OutputCapture, what: string): void {
  if (exit.code === 0) return;
  const why = outputText(complaint.captured()).trim() || JSON.stringify(exit);
  throw new LachesisError('failed_precondition', `${what}: ${why}`, { reason: 'ARCHIVE_FAILED' });
}
