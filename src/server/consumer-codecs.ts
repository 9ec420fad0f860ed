import type { GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { Codec } from '../../gen/lachesis/v1/tokens_pb.ts';
import { LachesisError } from '../errors.ts';

interface ConsumerName {
  readonly runId: string;
  readonly consumerId: string;
}

/** Consumers whose codecs are remembered; the others are taken to read RAW only. */
const MAX_CONSUMERS = 10_000;

/** What each registered consumer can decode. Batches are handed out as they came, never re-encoded. */
export class ConsumerCodecs {
  readonly #byConsumer = new Map<string, ReadonlySet<Codec>>();

  set({ runId, consumerId, codecs }: ConsumerName & { readonly codecs: readonly Codec[] }): void {
    const name = nameOf({ runId, consumerId });
    this.#byConsumer.delete(name);
    this.#byConsumer.set(name, new Set(codecs));
    const oldest = this.#byConsumer.keys().next();
    if (this.#byConsumer.size > MAX_CONSUMERS && oldest.done !== true) {
      this.#byConsumer.delete(oldest.value);
    }
  }

  /** Why a consumer can't read a batch of these groups; undefined when it can. */
  unreadable(consumer: ConsumerName, headers: readonly GroupHeader[]): LachesisError | undefined {
    const accepted = this.#byConsumer.get(nameOf(consumer));
    for (const { groupId, parts } of headers) {
      const part = parts.find(({ codec }) => codec > Codec.RAW && accepted?.has(codec) !== true);
      if (part === undefined) continue;
      const codec = part.codec === Codec.ZSTD ? 'ZSTD' : `codec ${part.codec}`;
      return new LachesisError(
        'failed_precondition',
        `group "${groupId}" is encoded as ${codec}, which this consumer did not say it reads.`,
        {
          reason: 'CODEC_NOT_ACCEPTED',
          remedy: 'Name the codec in RegisterConsumer, or have workers submit RAW.',
        },
      );
    }
    return undefined;
  }
}

function nameOf({ runId, consumerId }: ConsumerName): string {
  return `${runId}/${consumerId}`;
}
