import { sampleGroup } from '../../../bench/support/sample-group.ts';
import { pause } from '../../../src/async/index.ts';
import {
  type LachesisClient,
  lachesisErrorOf,
  type SubmitStream,
} from '../../../src/client/index.ts';
import { type EncodedGroup, encodeGroup } from '../../../src/contract/index.ts';
import { crashClient, RUN } from './crash-client.ts';
import type { Accepted } from './evidence.ts';

const IN_FLIGHT = 4;

/** What a producer writes down: before it sends, and once it is acked. */
export interface ProducerLog {
  readonly sent: Set<string>;
  readonly accepted: Accepted[];
}

export interface ProducerOptions {
  readonly name: string;
  readonly port: number;
  readonly random: () => number;
  readonly log: ProducerLog;
  /** No more groups are made; those that were are sent until they are acked. */
  readonly enough: AbortSignal;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/** Submits groups of mixed sizes, and each of them again until it is acked. */
export async function produce(options: ProducerOptions): Promise<void> {
  const { name, port, random, enough, signal } = options;
  await using client = crashClient(port);
  let made = 0;
  let unacked: EncodedGroup[] = [];
  while (!signal.aborted) {
    while (!enough.aborted && unacked.length < IN_FLIGHT) {
      made += 1;
      unacked.push(groupOf(`${name}-${made}`, random));
    }
    if (unacked.length === 0) return;
    unacked = await submitAll(client, unacked, options, () => {
      made += 1;
      return groupOf(`${name}-${made}`, random);
    });
    await pause(20, signal);
  }
}

/** Goes on with new groups for as long as the stream lives; gives back what was not acked. */
async function submitAll(
  client: LachesisClient,
  groups: readonly EncodedGroup[],
  { log, enough, signal }: ProducerOptions,
  make: () => EncodedGroup,
): Promise<EncodedGroup[]> {
  await using stream = client.work.submitGroups(RUN, { maxInFlight: IN_FLIGHT, signal });
  const left = await Promise.all(
    groups.map(async (first) => {
      for (let group = first; ; group = make()) {
        if (!(await submitOne(stream, group, log))) return group;
        if (enough.aborted) return undefined;
      }
    }),
  );
  return left.filter((group) => group !== undefined);
}

async function submitOne(
  stream: SubmitStream,
  group: EncodedGroup,
  log: ProducerLog,
): Promise<boolean> {
  const { groupId } = group.header;
  log.sent.add(groupId);
  try {
    await stream.submit(group);
    log.accepted.push({ groupId, digest: Buffer.from(group.digest).toString('hex') });
    return true;
  } catch (error) {
    // Whatever is no matter of a server that is away would go on for ever.
    const kind = lachesisErrorOf(error)?.kind;
    if (kind === 'invalid_input' || kind === 'internal') throw error;
    return false;
  }
}

/** Mostly small, at times of several chunks. */
export function groupOf(
  id: string,
  random: () => number,
  rollouts = 1 + Math.floor(random() * 5),
): EncodedGroup {
  const size = random();
  const tokens = size < 0.05 ? 12_000 : size < 0.2 ? 4_000 : 40 + Math.floor(random() * 400);
  const seed = 1 + Math.floor(random() * 2 ** 31);
  const group = sampleGroup({ id, runId: RUN, rollouts, tokens, promptTokens: 16, seed });
  const encoding = encodeGroup(group, {
    policy: { trainingPolicy: 'strict', failedRollouts: 'drop_rollout', maxRowTokens: 0 },
  });
  if (encoding.kind === 'dropped') throw new Error(`${id} was dropped: ${encoding.reason}`);
  return encoding.encoded;
}
