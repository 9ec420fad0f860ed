import { type Ending, untilAborted } from '../../async/index.ts';
import type { SandboxProcess } from '../contract/command.ts';

/** Waits for a command to start. One that starts when nobody waits for it any more is ended. */
export async function untilStarted<Started extends SandboxProcess>(
  start: Promise<Started>,
  signal: Ending | undefined,
): Promise<Started> {
  if (signal === undefined) return await start;
  return await untilAborted(start, { signal, onLate: (late) => void endLate(late) });
}

async function endLate(process: SandboxProcess): Promise<void> {
  process.detach();
  // What can't be told to end ends with its sandbox; nobody is left to be told.
  await Promise.allSettled([process.kill('SIGKILL'), process.exited]);
}
