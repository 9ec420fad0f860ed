import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import { replaceFile } from '../../src/files/index.ts';
import { createEmbeddedPolicy, type EmbeddedPolicy, PolicyFile } from '../../src/policy/index.ts';
import type { ReplaceFile } from '../../src/policy/policy-file.ts';
import { tinyCheckpoint, tinyTokenizer } from './tiny.ts';

const checkpoint = tinyCheckpoint();
const promptIds = tinyTokenizer.encode('Count the lamp ');
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'policy-file-'));
  file = path.join(folder, 'policy.bin');
});
afterEach(() => rm(folder, { recursive: true }));

interface Open extends AsyncDisposable {
  readonly policy: EmbeddedPolicy;
  readonly keeper: PolicyFile;
}

async function open(replace: ReplaceFile = replaceFile): Promise<Open> {
  const keeper = await PolicyFile.open(file, { checkpoint, replace });
  const policy = createEmbeddedPolicy({ checkpoint, keeper, seed: 1 });
  const close = async (): Promise<void> => {
    policy[Symbol.dispose]();
    await keeper[Symbol.asyncDispose]();
  };
  return { policy, keeper, [Symbol.asyncDispose]: close };
}

const row = {
  tokenIds: promptIds,
  trained: Uint8Array.from(promptIds, (_, i) => (i === 0 ? 0 : 1)),
  advantage: 1,
};
const train = (policy: EmbeddedPolicy, stepId: string) =>
  policy.trainStep([row], { stepId, loss: 'sft', learningRate: 1e-2 });

test('a policy opened again goes on exactly where it was', async () => {
  using uninterrupted = createEmbeddedPolicy({ checkpoint });
  for (const step of ['a', 'b', 'c', 'd']) {
    await using opened = await open();
    expect(await train(opened.policy, step)).toEqual(await train(uninterrupted, step));
    expect(opened.policy.getWeights()).toEqual(uninterrupted.getWeights());
  }
  await using last = await open();
  expect(last.policy.version).toBe(4);
});

test('a step that was kept and never answered is answered, and trained once', async () => {
  let copied: Buffer | undefined;
  {
    // As a kill between the write and the answer leaves it.
    await using opened = await open(async (path, parts) => {
      await replaceFile(path, parts);
      copied = await readFile(path);
      throw new LachesisError('infrastructure_error', 'power cut.', { reason: 'FILE_UNSYNCED' });
    });
    await expect(train(opened.policy, 'a')).rejects.toMatchObject({ reason: 'POLICY_NOT_KEPT' });
    expect(opened.policy.version).toBe(0);
    // What it would go on from is no longer what the file holds.
    await expect(train(opened.policy, 'b')).rejects.toThrow(/Restart it/);
  }
  await writeFile(file, copied!);
  await using opened = await open();
  const before = opened.policy.getWeights();
  const again = await train(opened.policy, 'a');
  expect(again).toMatchObject({ version: 1, applied: true });
  expect(opened.policy.getWeights()).toEqual(before);
  expect((await train(opened.policy, 'b')).version).toBe(2);
});

test('a step that cannot be kept changes nothing, and can be asked for again', async () => {
  let isFull = true;
  await using opened = await open(async (path, parts) => {
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    await replaceFile(path, parts);
  });
  const before = opened.policy.getWeights();
  await expect(train(opened.policy, 'a')).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'POLICY_NOT_KEPT',
    message: expect.stringMatching(/not changed.*ENOSPC.*Make room/),
  });
  const update = opened.policy.updateWeights(before.bytes, 9);
  await expect(update).rejects.toMatchObject({ reason: 'POLICY_NOT_KEPT' });
  expect(opened.policy.getWeights()).toEqual(before);
  isFull = false;
  using uninterrupted = createEmbeddedPolicy({ checkpoint });
  expect(await train(opened.policy, 'a')).toEqual(await train(uninterrupted, 'a'));
});

test('nobody sees a version before it is kept', async () => {
  const seen: number[] = [];
  await using opened = await open(async (path, parts) => {
    seen.push(opened.policy.version);
    await replaceFile(path, parts);
    seen.push(opened.policy.version);
  });
  await train(opened.policy, 'a');
  await opened.policy.updateWeights(opened.policy.getWeights().bytes, 7);
  expect([...seen, opened.policy.version]).toEqual([0, 0, 1, 1, 7]);
});

test('weights made elsewhere are kept, and begin with new moments', async () => {
  {
    await using opened = await open();
    await train(opened.policy, 'a');
    await opened.policy.updateWeights(tinyBytes(8), 12);
  }
  await using opened = await open();
  expect(opened.policy.getWeights()).toMatchObject({ version: 12, bytes: tinyBytes(8) });
  expect(opened.keeper.kept?.adam.step).toBe(0);
  // The steps from before are still known.
  expect((await train(opened.policy, 'a')).version).toBe(1);
});

test('one process at a time; a file that is closed is free, and nothing else is left', async () => {
  {
    await using opened = await open();
    await train(opened.policy, 'a');
    await expect(open()).rejects.toMatchObject({ reason: 'LOCKED' });
  }
  expect(await readdir(folder)).toEqual(['policy.bin']);
});

test('a file that is damaged is refused and left as it is', async () => {
  await writeFile(file, 'LCHSKPT\u0001 and more');
  await expect(open()).rejects.toMatchObject({ reason: 'POLICY_FILE_DAMAGED' });
  expect(await readdir(folder)).toEqual(['policy.bin']);
});

test('a folder that is not there is told', async () => {
  file = path.join(folder, 'nowhere', 'policy.bin');
  await expect(open()).rejects.toMatchObject({ reason: 'POLICY_NOT_KEPT' });
});

function tinyBytes(seed: number): Uint8Array {
  using other = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(seed) });
  return other.getWeights().bytes;
}
