import { untilAborted } from '../async/index.ts';
import type { LachesisClient, SubmitStream } from '../client/index.ts';
import type { EncodedGroup } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { ServerLink } from './server-link.ts';

/** A stream of groups for each run, opened when a group is there for it and anew on every connection. */
export class SubmitStreams implements AsyncDisposable {
  readonly #link: ServerLink;
  readonly #workerId: string;
  readonly #open = new Map<
    string,
    { readonly client: LachesisClient; readonly stream: SubmitStream }
  >();

  constructor(link: ServerLink, workerId: string) {
    this.#link = link;
    this.#workerId = workerId;
  }

  /**
   * Resolves once the group is stored, or was before. Rejects with the server's typed refusal; a
   * connection that breaks is no reason: the group is sent again on the next.
   */
  async submit(
    runId: string,
    group: Pick<EncodedGroup, 'header' | 'parts'>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#link.call(signal, async (client) => {
      const stream = this.#streamOf(runId, client);
      try {
        await untilAborted(stream.submit(group), { signal });
      } catch (thrown) {
        if (!isRefusal(thrown)) this.#forget(runId, stream);
        throw thrown;
      }
    });
  }

  /** No group will come for the run for a while. */
  close(runId: string): void {
    const open = this.#open.get(runId);
    if (open === undefined) return;
    this.#open.delete(runId);
    // Nothing waits for an answer on it; what it ends with is of no interest.
    open.stream.close().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map(({ stream }) => stream[Symbol.asyncDispose]()));
  }

  #streamOf(runId: string, client: LachesisClient): SubmitStream {
    const open = this.#open.get(runId);
    if (open?.client === client) return open.stream;
    if (open !== undefined) this.#forget(runId, open.stream);
    const stream = client.work.submitGroups(runId, { workerId: this.#workerId });
    this.#open.set(runId, { client, stream });
    return stream;
  }

  #forget(runId: string, stream: SubmitStream): void {
    if (this.#open.get(runId)?.stream === stream) this.#open.delete(runId);
    void stream[Symbol.asyncDispose]();
  }
}

/** What the server says of the group, on a stream that goes on. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof LachesisError && thrown.reason !== 'STREAM_ENDED';
}
