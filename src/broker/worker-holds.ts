import { LinkedList, type LinkedNode } from './linked-list.ts';
import { type Shortened, shortened, type WorkerHold } from './run-detail.ts';

/** An assignment that a worker holds, in its worker's list. */
export interface Hold {
  readonly runId: string;
  readonly workerId: string;
  readonly seat: LinkedNode<number>;
}

/** How many assignments of each run each worker holds, and since when; everything but `read` is constant time. */
export class WorkerHolds {
  /** By run, and then by worker; since when each is held, oldest first. */
  readonly #byRun = new Map<string, Map<string, LinkedList<number>>>();

  hold(runId: string, workerId: string, nowMs: number): Hold {
    const ofRun = this.#byRun.get(runId) ?? new Map<string, LinkedList<number>>();
    const list = ofRun.get(workerId) ?? new LinkedList<number>();
    this.#byRun.set(runId, ofRun);
    ofRun.set(workerId, list);
    return { runId, workerId, seat: list.push(nowMs) };
  }

  drop({ runId, workerId, seat }: Hold): void {
    const ofRun = this.#byRun.get(runId);
    const list = seat.list;
    list?.remove(seat);
    if (list?.size !== 0) return;
    ofRun?.delete(workerId);
    if (ofRun?.size === 0) this.#byRun.delete(runId);
  }

  forgetRun(runId: string): void {
    this.#byRun.delete(runId);
  }

  read(runId: string, nowMs: number): Shortened<WorkerHold> {
    const ofRun = this.#byRun.get(runId) ?? new Map<string, LinkedList<number>>();
    const holds = Iterator.from(ofRun).map(
      ([workerId, list]): WorkerHold => ({
        workerId,
        assignments: list.size,
        oldestMs: Math.max(0, nowMs - (list.first?.value ?? nowMs)),
      }),
    );
    return shortened(holds, ofRun.size);
  }
}
