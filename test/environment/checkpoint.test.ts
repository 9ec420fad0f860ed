import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CheckpointHooks,
  defineEnvironment,
  hostEnvironment,
  readCheckpoint,
  saveCheckpoint,
  writeCheckpoint,
} from '../../src/environment/index.ts';
import type { JsonValue } from '../../src/messages.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lachesis-checkpoint-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** An environment whose tasks grow harder with its level. */
function curriculum(hooks: Partial<CheckpointHooks> = {}, version = '1') {
  const progress = { level: 1 };
  const definition = defineEnvironment({
    name: 'curriculum',
    version,
    tasks: () => [{ data: progress.level }],
    prompt: ({ data }) => `level ${data}`,
    reward: () => 1,
    checkpoint: {
      save: () => progress,
      load: (state) => {
        progress.level = (state as { level: number }).level;
      },
      ...hooks,
    },
  });
  return { definition, progress };
}

describe('an environment checkpoint', () => {
  it('carries the state to another process, before the tasks are opened', async () => {
    const path = join(directory, 'a.json');
    const before = curriculum();
    before.progress.level = 7;
    const saved = await saveCheckpoint(await hostEnvironment(before.definition));
    before.progress.level = 8;
    expect(saved).toEqual({ environment: 'curriculum', version: '1', state: { level: 7 } });
    await writeCheckpoint(path, saved as NonNullable<typeof saved>);
    const checkpoint = await readCheckpoint(path);
    const hosted = await hostEnvironment(curriculum().definition, {}, { checkpoint });
    expect((await hosted.tasks.get('0'))?.data).toBe(7);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is none where there is no file, or nothing is kept', async () => {
    expect(await readCheckpoint(join(directory, 'missing.json'))).toBeUndefined();
    const plain = defineEnvironment({
      name: 'plain',
      tasks: [{ data: 0 }],
      prompt: () => '',
      reward: () => 0,
    });
    expect(await saveCheckpoint(await hostEnvironment(plain))).toBeUndefined();
    const checkpoint = { environment: 'plain', version: '', state: 1 };
    await expect(hostEnvironment(plain, {}, { checkpoint })).rejects.toThrow('keeps no state');
  });

  it('of another version is refused', async () => {
    const saved = await saveCheckpoint({ definition: curriculum().definition });
    const checkpoint = saved as NonNullable<typeof saved>;
    await expect(
      hostEnvironment(curriculum({}, '2').definition, {}, { checkpoint }),
    ).rejects.toMatchObject({ kind: 'failed_precondition', reason: 'CHECKPOINT_MISMATCH' });
  });

  it.each(['', 'no', '[]', '{"environment":"a","version":"1"}'])(
    'is no checkpoint: %j',
    async (text) => {
      const path = join(directory, 'bad.json');
      await writeFile(path, text);
      await expect(readCheckpoint(path)).rejects.toMatchObject({ kind: 'invalid_input' });
    },
  );

  it('is not waited for beyond its time, or beyond the signal', async () => {
    const stuck = curriculum({ save: () => new Promise(() => {}) });
    await expect(saveCheckpoint(stuck, { timeoutMs: 5 })).rejects.toMatchObject({
      kind: 'environment_error',
      reason: 'CHECKPOINT_TIMEOUT',
    });
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(saveCheckpoint(stuck, { signal })).rejects.toThrow('stopped');
  });

  it('whose hooks fail is the fault of the environment', async () => {
    const broken = curriculum({
      save: () => {
        throw new Error('no');
      },
    });
    const failure = { kind: 'environment_error', reason: 'CHECKPOINT_THREW' };
    await expect(saveCheckpoint(broken)).rejects.toMatchObject(failure);
    for (const state of [undefined, { a: NaN }, { a: new Map() }, 1n] as unknown[]) {
      const wrong = curriculum({ save: () => state as JsonValue });
      await expect(saveCheckpoint(wrong)).rejects.toMatchObject({ reason: 'CHECKPOINT_SHAPE' });
    }
    expect(() => curriculum({ load: 3 as never })).toThrow('checkpoint.load: must be a function');
  });
});
