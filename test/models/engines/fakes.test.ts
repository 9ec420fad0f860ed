import { describe, expect, test } from 'vitest';
import { EventStream, startFakeServer } from '../../support/engines/fake-server.ts';
import { type Shape, text } from '../../support/engines/shape.ts';

const shape: Shape = { fields: { a: text }, required: ['a'] };

describe('a fake holds its own answers against the fields of the engine', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['as it is', { a: 'x' }, []],
    ['of several', [{ a: 'x' }, { a: 'y' }], []],
    ['with a field that is unknown', { a: 'x', b: 1 }, ['answer.b is unknown to the engine']],
    ['of another type', { a: 1 }, ['answer.a is 1']],
    ['without a field', { a: undefined }, ['answer.a is missing']],
    ['that is no object', undefined, ['answer is no object']],
    ['of which one is wrong', [{ a: 'x' }, {}], ['answer.a is missing']],
    [
      'that is a stream',
      new EventStream([{ a: 'x' }, { b: 1 }]),
      ['answer.a is missing', 'answer.b is unknown to the engine'],
    ],
  ])('%s', async (_, answer, problems) => {
    await using fake = await startFakeServer([
      { route: 'POST /x', answers: shape, events: shape, reply: () => answer },
    ]);
    await (await fetch(`${fake.url}/x`, { method: 'POST', body: '{}' })).text();
    expect(fake.problems).toEqual(problems.map((problem) => `POST /x: ${problem}`));
  });
});
