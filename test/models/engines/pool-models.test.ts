import { describe, expect, test } from 'vitest';
import { createEnginePool, createScriptedEngine } from '../../../src/models/index.ts';

describe('a pool of engines that name different models', () => {
  const named = (...models: (string | undefined)[]) =>
    models.map((model) => {
      const engine = createScriptedEngine({ replies: () => ({ tokenIds: [1] }) });
      const describe = async () => ({
        ...(await engine.describe()),
        ...(model === undefined ? { isUnnamed: true } : { model }),
      });
      return { engine: { ...engine, describe } };
    });

  test('is none', async () => {
    await expect(createEnginePool({ engines: named('a', 'b') }).describe()).rejects.toMatchObject({
      reason: 'ENGINES_DIFFER',
      field: 'allowDifferentModels',
      message: /"a".*"b"/,
    });
  });

  test('has all of their names, where that is allowed', async () => {
    const made = createEnginePool({ engines: named('a', 'b', 'a'), allowDifferentModels: true });
    expect(await made.describe()).toMatchObject({ model: 'a + b' });
  });

  test('takes an engine that gives no name for one of the model', async () => {
    for (const models of [
      ['a', undefined],
      [undefined, 'a'],
    ]) {
      const found = await createEnginePool({ engines: named(...models) }).describe();
      expect(found.model).toBe('a');
      expect(found.isUnnamed).not.toBe(true);
    }
  });
});
