// What runs in a thread: one job after the other.
import { parentPort } from 'node:worker_threads';
import { type DoneJob, doJob } from './do-job.ts';
import type { Job, ThreadAnswer } from './protocol.ts';
import { packError } from './thrown-error.ts';

parentPort?.on('message', (job: Job) => {
  let done: DoneJob;
  try {
    done = doJob(job);
  } catch (error) {
    say({ kind: 'threw', error: packError(error) });
    return;
  }
  say({ kind: 'done', result: done.result }, done.transfer);
});

function say(answer: ThreadAnswer, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}
