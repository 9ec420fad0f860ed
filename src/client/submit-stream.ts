import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type SubmitGroupsRequest,
  SubmitGroupsRequestSchema,
  type SubmitGroupsResponse,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import { type EncodedGroup, errorFromDetail } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { chunksOfParts, WIRE_LIMITS } from '../wire/index.ts';
import type { CallOptions } from './call-options.ts';
import { cutShort } from './cut-short.ts';
import type { Attempt, Reconnector } from './reconnect.ts';

export interface SubmitStreamOptions extends CallOptions {
  readonly runId: string;
  /** Empty for a producer without one. */
  readonly workerId?: string;
  /** Groups sent and not yet answered, whatever credits the server gives. Default: 8. */
  readonly maxInFlight?: number;
}

export interface Submitted {
  /** True: the server had this group before. */
  readonly duplicate: boolean;
}

type OpenStream = (
  frames: AsyncIterable<SubmitGroupsRequest>,
  call: CallOptions,
) => AsyncIterable<SubmitGroupsResponse>;

/** Groups that a caller may have handed over before the stream takes them. */
const MAX_WAITING = 256;

interface Pending {
  readonly group: Pick<EncodedGroup, 'header' | 'parts'>;
  readonly resolve: (submitted: Submitted) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection's part of a stream: what it has said, and what was answered. */
interface Connection {
  credits: number;
  acked: number;
  duplicates: number;
  over: boolean;
}

/**
 * A stream of groups to a run. Each submit is answered; a refused group does not end the stream. When the
 * connection breaks, it is opened again and what was not answered is sent once more: a group that was
 * stored before is known by its id.
 */
export class SubmitStream implements AsyncDisposable {
  readonly #options: SubmitStreamOptions;
  readonly #maxInFlight: number;
  readonly #waiting: Pending[] = [];
  /** In send order; answers come in the same order. */
  readonly #sent: Pending[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(open: OpenStream, options: SubmitStreamOptions, reconnect: Reconnector) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight ?? 8;
    const signals = [this.#abort.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const call = { ...options, signal: AbortSignal.any(signals) };
    this.#done = reconnect
      .call((attempt) => this.#connect(open, attempt), call)
      .catch((error: unknown) => this.#fail(error));
  }

  /**
   * Sends a group; resolves once it is stored. Rejects with the server's typed error when it is
   * refused, and with the stream's own when that ends: at its deadline, by its signal, or when it is
   * not to reconnect. Then submit again on a new stream.
   */
  submit(group: Pick<EncodedGroup, 'header' | 'parts'>): Promise<Submitted> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#closed) {
      const message = 'the submit stream was closed.';
      const remedy = 'Open another with submitGroups.';
      return Promise.reject(
        new LachesisError('failed_precondition', message, { reason: 'STREAM_CLOSED', remedy }),
      );
    }
    if (this.#waiting.length >= MAX_WAITING) {
      const message = `${MAX_WAITING} groups wait to be sent.`;
      const remedy = 'Await submits before making more.';
      return Promise.reject(
        new LachesisError('resource_exhausted', message, { reason: 'TOO_MANY_SUBMITS', remedy }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Submitted>();
    this.#waiting.push({ group, resolve, reject });
    this.#wake?.();
    return promise;
  }

  /** Sends what was submitted, waits for the answers and ends the stream. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#done;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends at once; what was not answered rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#abort.abort();
    this.#closed = true;
    this.#wake?.();
    await this.#done;
  }

  /** Resolves when the stream was closed and all of it is answered. */
  async #connect(open: OpenStream, attempt: Attempt): Promise<void> {
    // Whoever sent over the last connection wakes up and finds it over.
    this.#wake?.();
    this.#waiting.unshift(...this.#sent.splice(0));
    const connection: Connection = { credits: 1, acked: 0, duplicates: 0, over: false };
    try {
      for await (const { answer } of open(this.#frames(connection), attempt)) {
        attempt.alive();
        this.#take(answer, connection);
      }
      const unanswered = this.#sent.length + this.#waiting.length > 0;
      if (unanswered || !this.#closed) {
        throw cutShort(
          'the server ended the submit stream.',
          'Submit what was not answered again.',
        );
      }
    } catch (error) {
      // All was answered before it broke: nothing is left to be said.
      if (!this.#closed || this.#sent.length + this.#waiting.length > 0) throw error;
    } finally {
      connection.over = true;
    }
  }

  async *#frames(connection: Connection): AsyncGenerator<SubmitGroupsRequest, void, void> {
    const { runId, workerId = '' } = this.#options;
    yield frame({ case: 'open', value: { runId, workerId } });
    while (!connection.over) {
      const allowed = Math.max(1, Math.min(connection.credits, this.#maxInFlight));
      const next = this.#sent.length < allowed ? this.#waiting.shift() : undefined;
      if (next === undefined) {
        if (this.#failure !== undefined) return;
        if (this.#closed && this.#waiting.length === 0) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#sent.push(next);
      yield frame({ case: 'header', value: next.group.header });
      for (const chunk of chunksOfParts(next.group.parts, WIRE_LIMITS.maxChunkBytes)) {
        yield frame({ case: 'chunk', value: { ...chunk, offset: BigInt(chunk.offset) } });
      }
      yield frame({ case: 'end', value: {} });
    }
  }

  #take(answer: SubmitGroupsResponse['answer'], connection: Connection): void {
    if (answer.case === 'refusal') {
      const { groupNumber, error, message } = answer.value;
      const pending = this.#sent[Number(groupNumber) - 1 - connection.acked];
      if (pending === undefined || error === undefined) return;
      pending.reject(errorFromDetail(error, message));
      return;
    }
    if (answer.case !== 'ack') return;
    const { groups, duplicates, credits } = answer.value;
    const duplicate = Number(duplicates) > connection.duplicates;
    connection.duplicates = Number(duplicates);
    // A group that was refused is settled already; resolving it again does nothing.
    for (; connection.acked < Number(groups); connection.acked += 1)
      this.#sent.shift()?.resolve({ duplicate });
    connection.credits = credits;
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of [...this.#sent.splice(0), ...this.#waiting.splice(0)]) reject(error);
    this.#wake?.();
  }
}

function frame(
  value: NonNullable<MessageInitShape<typeof SubmitGroupsRequestSchema>['frame']>,
): SubmitGroupsRequest {
  return create(SubmitGroupsRequestSchema, { frame: value });
}
