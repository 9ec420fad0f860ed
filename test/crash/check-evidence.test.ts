import { expect, test } from 'vitest';
import { checkEvidence } from './support/check-evidence.ts';
import type { Delivered, Evidence, RankEvent } from './support/evidence.ts';

/** Two groups of two rows in one batch and one in a second, each rank with a row of each group. */
function delivered(step: number, rank: number, changes: Partial<Delivered> = {}): RankEvent {
  const ids = step === 1 ? ['a', 'b'] : ['c'];
  return {
    kind: 'delivered',
    ...{ step, rank, batchId: `b${step}`, policyVersion: 0, delivery: 1, digest: `batch ${step}` },
    groups: ids.map((id) => ({ id, digest: `digest of ${id}`, rows: [`${id}.0`, `${id}.1`] })),
    rows: ids.map((id) => `${id}.${rank}`),
    rowsDigest: `rows of ${step} for ${rank}`,
    ...changes,
  };
}

const acked = (step: number, rank: number, complete: boolean): RankEvent => ({
  ...{ kind: 'acked', step, rank, complete },
});

const sound: readonly RankEvent[] = [
  delivered(1, 0),
  delivered(1, 1),
  acked(1, 0, false),
  delivered(1, 1, { delivery: 2 }),
  acked(1, 1, true),
  { kind: 'rewinding', step: 0 },
  delivered(1, 0, { delivery: 3 }),
  delivered(1, 1, { delivery: 3 }),
  delivered(2, 0),
  delivered(2, 1),
];

function evidence(events: readonly RankEvent[], changes: Partial<Evidence> = {}): Evidence {
  const ids = ['a', 'b', 'c'];
  return {
    sent: new Set(ids),
    accepted: ids.map((groupId) => ({ groupId, digest: `digest of ${groupId}` })),
    events,
    worldSize: 2,
    ...changes,
  };
}

/** What is found when an event of the sound ones is another. */
const changed = (at: number, event: RankEvent): Evidence => evidence(sound.with(at, event));

test('nothing is found where all went well, and a batch that comes again by rights is counted', () => {
  expect(checkEvidence(evidence(sound))).toEqual({
    ...{ accepted: 3, batches: 2, deliveries: 7, redeliveries: 3, findings: [] },
  });
});

test.each<[kind: string, Evidence]>([
  ['lost', evidence(sound, { accepted: [{ groupId: 'd', digest: 'digest of d' }] })],
  ['altered', evidence(sound, { accepted: [{ groupId: 'a', digest: 'another' }] })],
  ['never sent', evidence(sound, { sent: new Set(['a', 'b']) })],
  [
    'in two batches',
    evidence(
      sound.map((event) => {
        if (event.kind !== 'delivered' || event.step !== 2) return event;
        return { ...event, groups: event.groups.map((one) => ({ ...one, id: 'a' })) };
      }),
    ),
  ],
  ['redelivered differently', changed(3, delivered(1, 1, { rowsDigest: 'others' }))],
  ['redelivered differently', changed(6, delivered(1, 0, { digest: 'another' }))],
  ['ranks disagree', changed(9, delivered(2, 1, { policyVersion: 1 }))],
  ['ranks disagree', evidence(sound.slice(0, -1))],
  ['row trained twice', changed(9, delivered(2, 1, { rows: ['c.0'] }))],
  ['row of nobody', changed(9, delivered(2, 1, { rows: [] }))],
  ['step missing', evidence(sound.filter((event) => event.step === 2))],
  ['came back after it was done', changed(5, { kind: 'rewinding', step: 1 })],
])('%s is found', (kind, given) => {
  expect(checkEvidence(given).findings.map((finding) => finding.kind)).toContain(kind);
});
