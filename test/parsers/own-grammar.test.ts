import { describe, expect, it } from 'vitest';
import {
  type Block,
  type BlockGrammar,
  blockParser,
  readArguments,
} from '../../src/parsers/index.ts';
import { streamed } from './support/laws.ts';

const CALL = { name: 'f', argumentsText: '{}' };
const grammar = (read: BlockGrammar['read']): BlockGrammar => ({
  name: 'own',
  openers: ['!'],
  read,
  renderCalls: (calls) => calls.map(() => '!').join(''),
});
const own = (read: BlockGrammar['read']) => blockParser(grammar(read));
const stop = { tools: [], finishReason: 'stop' };
const TEXT = 'Hi ! and ! <think>!</think> there';

describe('a grammar whose read does wrong is no danger to the text', () => {
  const wrong: readonly (readonly [string, (start: number) => unknown])[] = [
    ...[Number.NaN, 0, -1, -Infinity, undefined, 'x'].map(
      (end) => [`an end of ${String(end)}`, () => ({ end, calls: [CALL] })] as const,
    ),
    ['an end that does not move on', (end) => ({ end, calls: [] })],
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve({ end: 9, calls: [] })],
    ['no calls', (start) => ({ end: start + 1 })],
    ['a call that is none', (start) => ({ end: start + 1, calls: [null] })],
    ['a call without a name', (start) => ({ end: start + 1, calls: [{ argumentsText: '{}' }] })],
    ['problems that are none', (start) => ({ end: start + 1, calls: [], problems: [null] })],
    [
      'an error',
      () => {
        throw new TypeError('oops');
      },
    ],
    [
      'a thrown object without a text',
      () => {
        throw Object.create(null);
      },
    ],
  ];
  it.each(wrong)('%s', (_, read) => {
    const parser = own((_reading, start) => read(start) as Block);
    const parsed = parser.parse(TEXT, stop);
    expect(parsed).toMatchObject({ content: TEXT, calls: [] });
    expect(parsed.diagnostics).toMatchObject([{ kind: 'malformed', offset: 3 }]);
    expect(parsed.diagnostics[0]!.message).toMatch(/^the grammar "own" /);
    for (const size of [1, 3, 99]) {
      expect(streamed(parser, TEXT, [size])).toEqual({ told: TEXT, completion: parsed });
    }
  });

  it('says what was thrown', () => {
    const parser = own(() => {
      throw new TypeError('oops');
    });
    expect(parser.parse('!', stop).diagnostics[0]!.message).toBe('the grammar "own" failed: oops');
  });

  it.each([
    ['beyond the text', 1_000],
    ['of Infinity', Number.POSITIVE_INFINITY],
  ])('an end %s is the end of the text', (_, end) => {
    const parser = own(() => ({ end, calls: [CALL] }));
    for (const size of [1, 99]) {
      const { told, completion } = streamed(parser, TEXT, [size]);
      expect(told).toBe('Hi ');
      expect(completion).toEqual({ calls: [CALL], content: 'Hi', diagnostics: [] });
    }
  });

  it('an end between two characters is after the first', () => {
    const parser = own((_, start) => ({ end: start + 0.5, calls: [CALL], callsEnd: Number.NaN }));
    expect(parser.parse('a!!b', stop)).toMatchObject({ calls: [CALL, CALL], content: 'a\nb' });
  });

  it('calls that end outside of their block end with it', () => {
    for (const callsEnd of [Number.NaN, -1, 0, 1_000]) {
      const parser = own((_, start) => ({ end: start + 1, calls: [CALL], callsEnd }));
      expect(parser.parse('a! b', stop)).toMatchObject({ calls: [CALL], content: 'a\nb' });
    }
  });
});

it('refuses markers that are empty, which would stand everywhere', () => {
  const sound = grammar((_, start) => ({ end: start + 1, calls: [] }));
  for (const wrong of [
    { openers: [''] },
    { leadingOpeners: [''] },
    { thinking: { open: '', close: '</think>' } },
  ]) {
    const [field] = Object.keys(wrong);
    expect(() => blockParser({ ...sound, ...wrong })).toThrow(`${field}: a marker is empty.`);
  }
});

it('reads arguments without the white space before them', () => {
  expect(readArguments('f \n{"a":1} ', 1)).toEqual({
    kind: 'complete',
    argumentsText: '{"a":1}',
    end: 10,
  });
  expect(readArguments(' "{}"', 0)).toMatchObject({ argumentsText: '{}' });
});
