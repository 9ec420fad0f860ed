import { expect, test } from 'vitest';
import { satisfiesSchema } from '../../src/agent/json-schema-check.ts';
import type { JsonObject } from '../../src/messages.ts';

const tool = (parameters: JsonObject) => ({ name: 't', description: '', parameters });
const named = (pattern: string) =>
  tool({ type: 'object', properties: { name: { type: 'string', pattern } } });

test('a pattern is held to', () => {
  const simple = named('^[a-z]+$');
  expect(satisfiesSchema(simple, { name: 'abc' })).toBe(true);
  expect(satisfiesSchema(simple, { name: 'a1' })).toBe(false);
  const keys = tool({
    type: 'object',
    patternProperties: { '^x-': { type: 'integer' } },
    additionalProperties: false,
  });
  expect(satisfiesSchema(keys, { 'x-a': 1 })).toBe(true);
  expect(satisfiesSchema(keys, { 'x-a': 'one' })).toBe(false);
});

// Left alone, each of these takes longer than the universe has stood.
test.each(['^(a+)+$', '^(a|a)*$', '^(a|aa)+$'])(
  '%s is given up over text made for it',
  (pattern) => {
    expect(satisfiesSchema(named(pattern), { name: 'aaa' })).toBe(true);
    expect(satisfiesSchema(named(pattern), { name: `${'a'.repeat(200)}!` })).toBe(false);
  },
);

test('a name of a property that is given up costs no other call', () => {
  const keys = tool({ type: 'object', patternProperties: { '^(k+)+$': { type: 'string' } } });
  expect(satisfiesSchema(keys, { [`${'k'.repeat(200)}!`]: 'v' })).toBe(false);
  expect(satisfiesSchema(keys, { kk: 'v' })).toBe(true);
});

test('a pattern that is none is satisfied by nothing', () => {
  expect(satisfiesSchema(named('('), { name: 'a' })).toBe(false);
});
