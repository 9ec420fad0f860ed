import { expect } from 'vitest';
import type { LachesisClient } from '../../../src/client/index.ts';
import { GROUP_SIZE, type PlayedRun, type WrittenRollout } from './gsm8k-played.ts';
import type { Gsm8kRow } from './gsm8k-rows.ts';

export const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
/** What the trainers pulled, rollout by rollout. */
export const pulledRollouts = ({ pulled }: PlayedRun) =>
  pulled.flat().flatMap(({ groups }) => groups.flatMap(({ rollouts }) => rollouts));

export const rowsOf = (groups: PlayedRun['pulled'][number][number]['groups']) =>
  groups.flatMap(({ rollouts }) => rollouts.flatMap(({ rows }) => rows));

export function rowOf(rows: readonly Gsm8kRow[], { task_key }: WrittenRollout): Gsm8kRow {
  const row = rows.find(({ key }) => key === task_key);
  if (row === undefined) throw new Error(`no row ${task_key}`);
  return row;
}

/** 200 rows are 400 rollouts, each with one terminal event and one line. */
export function expectEachPlayedOnce(
  { endings }: PlayedRun,
  written: readonly WrittenRollout[],
  rows: readonly Gsm8kRow[],
  runId: string,
): void {
  const ids = rows.flatMap(({ key }) =>
    Array.from({ length: GROUP_SIZE }, (_, index) => `${runId}-${key}.${index}`),
  );
  expect(written.map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(endings).toEqual(new Map(ids.map((id) => [id, 1])));
  expect(new Set(written.map(({ task_key }) => task_key))).toEqual(
    new Set(rows.map(({ key }) => key)),
  );
}

/** What the trainers pulled, what the server counts and what the file says are one and the same. */
export function expectBooksAgree(run: PlayedRun, written: readonly WrittenRollout[]): void {
  const { pulled, status } = run;
  const batches = pulled.flat();
  // Each trainer had its share, and no batch went to both.
  for (const share of pulled) expect(share.length).toBeGreaterThan(0);
  expect(batches.map(({ step }) => step).sort((a, b) => a - b)).toEqual(
    Array.from({ length: status.run.step }, (_, index) => index + 1),
  );
  const groups = batches.flatMap((batch) => batch.groups);
  expect(new Set(groups.map(({ group }) => group)).size).toBe(groups.length);
  expect(groups.length + status.waitingGroups).toBe(status.acceptedGroups);
  const rewards = new Map(written.map(({ id, reward }) => [id, reward]));
  for (const { id, reward } of pulledRollouts(run))
    expect([id, reward]).toEqual([id, rewards.get(id)]);
  const lost = sum(Object.values(status.droppedGroups));
  expect(status.acceptedGroups + lost).toBe(written.length / GROUP_SIZE);
  expect(status.rollouts + lost * GROUP_SIZE).toBe(written.length);
  for (const [bucket, tokens] of Object.entries(status.ledger)) {
    const name = bucket.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect([name, sum(written.map(({ ledger }) => ledger[name] ?? 0))]).toEqual([name, tokens]);
  }
}

/** Each rollout asked for by its id. */
export async function getAll(client: LachesisClient, { endings }: PlayedRun) {
  const rewards = new Map<string, number | null>();
  for (const id of endings.keys()) {
    const found = await client.environments.rollout(id);
    if (found.kind !== 'finished') throw new Error(`${id} runs on`);
    const { outcome } = found.rollout;
    rewards.set(id, outcome.kind === 'scored' ? outcome.reward : null);
  }
  return rewards;
}

/** The rows of the run's groups as they are stored, decoded by the client. */
export async function scan(client: LachesisClient, run: PlayedRun, runId: string) {
  const rows: { tokens: number; sampled: number }[] = [];
  let groups = 0;
  for await (const [, group] of client.runs.scan(runId)) {
    groups += 1;
    for (const row of group.decode().rows) {
      rows.push({ tokens: row.tokenIds.length, sampled: row.logprobs?.length ?? 0 });
    }
  }
  expect(groups).toBe(run.status.acceptedGroups);
  return rows;
}
