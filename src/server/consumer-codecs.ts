import { Codec } from '../../gen/lachesis/v1/tokens_pb.ts';
import type { SizedHeader } from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';

interface ConsumerName {
  readonly runId: string;
  readonly consumerId: string;
}

/** Consumers whose codecs are remembered; the others are taken to read RAW only. */
const MAX_CONSUMERS = 10_000;

const KNOWN: ReadonlySet<Codec> = new Set([Codec.UNSPECIFIED, Codec.RAW, Codec.ZSTD]);

/** Throws for a codec that nothing is encoded in. */
export function assertCodecs(codecs: readonly Codec[]): void {
  const at = codecs.findIndex((codec) => !KNOWN.has(codec));
  if (at < 0) return;
  throw invalidInput(
    `codecs[${at}]`,
    `is ${codecs[at]}, which is no codec that this server knows.`,
    {
      reason: 'ENUM_UNKNOWN',
      remedy: 'Name RAW, ZSTD or both; GetServerInfo says what a server knows.',
    },
  );
}

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

  /** Throws for a batch of groups that a consumer can't read. */
  assertReadable(consumer: ConsumerName, headers: readonly SizedHeader[]): void {
    const accepted = this.#byConsumer.get(nameOf(consumer));
    for (const { header } of headers) {
      const { groupId, parts } = header;
      const part = parts.find(({ codec }) => codec > Codec.RAW && accepted?.has(codec) !== true);
      if (part === undefined) continue;
      const codec = part.codec === Codec.ZSTD ? 'ZSTD' : `codec ${part.codec}`;
      throw new LachesisError(
        'failed_precondition',
        `group "${groupId}" is encoded as ${codec}, which this consumer did not say it reads.`,
        {
          reason: 'CODEC_NOT_ACCEPTED',
          remedy: 'Name the codec in RegisterConsumer, or have workers submit RAW.',
        },
      );
    }
  }
}

function nameOf({ runId, consumerId }: ConsumerName): string {
  return `${runId}/${consumerId}`;
}
