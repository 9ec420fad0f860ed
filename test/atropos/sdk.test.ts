import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { startAtroposGateway } from '../../src/gateways/index.ts';
import { KillableServer } from '../gateways/atropos/killable-server.ts';
import { keepRunning, type PythonProgram, runPython } from './support/python-program.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-atropos-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BATCH_SIZE = 16;
type Group = Readonly<Record<string, unknown>>;

function sentGroups(log: string): readonly Group[] {
  return readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Group);
}

function gotBatches(lines: readonly string[]) {
  return lines.map(
    (line) => JSON.parse(line) as { sequences: number; step: number; batch: readonly Group[] },
  );
}

/** Each group that a trainer got is one that an environment sent, whole, and none came twice. */
function expectDelivered(got: readonly Group[], sent: readonly Group[]): void {
  const byPrompt = new Map(sent.map((group) => [JSON.stringify(group['tokens']), group]));
  for (const group of got) {
    const key = JSON.stringify(group['tokens']);
    expect(group).toMatchObject(byPrompt.get(key) ?? { unknown: key });
    byPrompt.delete(key);
  }
  expect(byPrompt.size).toBe(sent.length - got.length);
}

/** Waits for the trainer, and no longer than the environments are well. */
async function trained(
  trainer: PythonProgram,
  environments: readonly PythonProgram[],
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    trainer.done.then(resolve, reject);
    for (const { done } of environments) done.catch(reject);
  });
}

test("Atropos' own environments push and a trainer like its example pulls, without a changed line", async () => {
  const batches = 12;
  const broker = createMemoryBroker();
  await using gateway = await startAtroposGateway({ broker });
  const { address } = gateway;
  const logs = ['one', 'two'].map((name) => path.join(folder, `${name}.jsonl`));
  await using trainer = runPython('trainer.py', address, String(batches), String(BATCH_SIZE));
  await using one = runPython('environment.py', address, 'one', logs[0] ?? '', String(batches));
  await using two = runPython(
    'environment.py',
    address,
    'two',
    logs[1] ?? '',
    String(batches),
    '0.25',
  );
  await trained(trainer, [one, two]);
  const got = gotBatches(trainer.lines);
  expect(got.map(({ sequences }) => sequences)).toEqual(got.map(() => BATCH_SIZE));
  expect(got.map(({ step }) => step)).toEqual(got.map((_, i) => i + 1));
  expectDelivered(
    got.flatMap(({ batch }) => batch),
    logs.flatMap(sentGroups),
  );
  for (const group of got.flatMap(({ batch }) => batch)) expect([0, 1]).toContain(group['env_id']);
  await broker.close();
}, 120_000);

test('environments and trainer go on by themselves when the server is killed and starts again', async () => {
  const batches = 16;
  const log = path.join(folder, 'restarted.jsonl');
  await using server = await KillableServer.start();
  const { address } = server;
  await using trainer = runPython('trainer.py', address, String(batches), String(BATCH_SIZE));
  // Its SDK ends it when three calls in a row fail, which it spreads over a time of its own choice.
  await using environment = keepRunning('environment.py', address, 'restarted', log, '1000');
  for (const seen of [3, 8]) {
    await expect.poll(() => trainer.lines.length, { timeout: 60_000 }).toBeGreaterThan(seen);
    await server.kill();
    await server.start();
  }
  await trained(trainer, [environment]);
  const got = gotBatches(trainer.lines);
  expect(got.map(({ sequences }) => sequences)).toEqual(got.map(() => BATCH_SIZE));
  const batchesOnce = uniqueBatches(got);
  expectDelivered(batchesOnce.flat(), sentGroups(log));
  expect(got.at(-1)?.step).toBe(batchesOnce.length);
}, 150_000);

/** Without those that came again: from a server that was killed before it knew that they were read. */
function uniqueBatches(got: ReturnType<typeof gotBatches>): readonly (readonly Group[])[] {
  return [...new Map(got.map(({ batch }) => [JSON.stringify(batch), batch])).values()];
}
