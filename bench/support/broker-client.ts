// A producer or a trainer of bench/broker.ts in a process of its own, by `lachesis/client` as users have it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.ts';
import { encodeGroup, type Group } from '../../src/contract/index.ts';
import { answerParent, processUse } from './bench-process.ts';
import type { BrokerOrder, Pulled, Pushed } from './broker-plan.ts';
import { sampleGroup } from './sample-group.ts';

const IN_FLIGHT = 4;

/** Encodes each group anew, as an environment does, and pushes it; until time is up. */
async function push(order: BrokerOrder): Promise<Pushed> {
  await using client = await connect({ address: order.address });
  const { settings } = await client.runs.get(order.runId);
  await using stream = client.work.submitGroups(order.runId, { maxInFlight: IN_FLIGHT });
  const { rollouts, tokens } = order.shape;
  const sample = sampleGroup({
    ...{ id: 'sample', runId: order.runId, rollouts, tokens },
    promptTokens: tokens / 4,
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = processUse();
  delay.enable();
  const times: number[] = [];
  const open = new Set<Promise<void>>();
  const endMs = performance.now() + order.seconds * 1_000;
  const isOver = sleep(order.seconds * 1_000);
  let next = 0;
  while (performance.now() < endMs) {
    next += 1;
    const encoding = encodeGroup(named(sample, `${order.producer}.${next}`), { policy: settings });
    if (encoding.kind === 'dropped') throw new Error(encoding.reason);
    const start = performance.now();
    const done = stream.submit(encoding.encoded).then(
      () => {
        times.push(performance.now() - start);
        open.delete(done);
      },
      // What still waits for room when time is up.
      () => {},
    );
    open.add(done);
    if (open.size < IN_FLIGHT) continue;
    await Promise.race([...open, isOver]);
  }
  delay.disable();
  return {
    groups: times.length,
    cpuMsPerGroup: (processUse().cpuMicros - before.cpuMicros) / 1_000 / times.length,
    longestStallMs: delay.max / 1e6,
    times,
  };
}

/** The same rollouts as a group of another id. */
function named(sample: Group, id: string): Group {
  const rollouts = sample.rollouts.map((rollout, index) => ({
    ...rollout,
    id: `${id}/${index}`,
    groupId: id,
  }));
  return { ...sample, id, rollouts };
}

/** Pulls batches, reads every row's columns and acks, until time is up. */
async function pull(order: BrokerOrder): Promise<Pulled> {
  await using client = await connect({ address: order.address });
  await using consumer = await client.batches.register({ runId: order.runId });
  const times: number[] = [];
  let groups = 0;
  const startMs = performance.now();
  const endMs = startMs + order.seconds * 1_000;
  while (performance.now() < endMs) {
    const asked = performance.now();
    const batch = await consumer.next({ waitMs: 1_000 });
    if (batch === undefined) continue;
    let tokens = 0;
    for (const { row } of batch.rows) tokens += row.tokenIds.length;
    if (tokens !== batch.rows.reduce((sum, row) => sum + row.tokens, 0)) throw new Error('tokens');
    await batch.ack();
    times.push(performance.now() - asked);
    groups += batch.groups.length;
  }
  return { groups, seconds: (performance.now() - startMs) / 1_000, times };
}

answerParent({ push, pull });
