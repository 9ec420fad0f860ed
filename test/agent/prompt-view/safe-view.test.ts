import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  estimatedTokens,
  type SafeViewState,
  safeView,
  type TokenCounter,
} from '../../../src/agent/prompt-view/index.ts';
import { CUT_TO } from '../../../src/agent/prompt-view/safe-view.ts';
import { type Message, textContent, textOf } from '../../../src/messages.ts';

/** A token per character, so that rows can be read. */
const characters: TokenCounter = {
  message: (message) => textOf(message).length,
  fixed: (tools) => tools.length,
};

/** S, U and A with a length; `A0:a,b` makes calls; `T4000:a` answers one. */
function transcript(spelled: string): Message[] {
  return spelled.split(' ').map((word): Message => {
    const [, role, length, ids] = /^([SUAT])(\d+)(?::(\S*))?$/.exec(word)!;
    const content = textContent('x'.repeat(Number(length)));
    const names = ids === undefined ? [] : ids.split(',');
    if (role === 'S') return { role: 'system', content };
    if (role === 'U') return { role: 'user', content };
    if (role === 'T') return { role: 'tool', content, toolCallId: names[0]!, toolName: 't' };
    const toolCalls = names.map((id) => ({ id, name: 't', argumentsText: '{}' }));
    return { role: 'assistant', content, toolCalls };
  });
}

describe('the safe prompt view', () => {
  // Transcript, budget; what is shown by place, which of it is shortened, whether it fits.
  const table: readonly (readonly [string, string, number, string, readonly number[], boolean])[] =
    [
      ['fits: whole', 'S10 U10 A10:a T70:a', 100, '0 1 2 3', [], true],
      [
        'results are shortened first, oldest first, down to the goal',
        'S10 U10 A0:a T2000:a A0:b T2000:b A0:c T2000:c',
        5_500,
        '0 1 2 3 4 5 6 7',
        [3, 5],
        true,
      ],
      [
        'then turns are dropped whole, also those of parallel calls',
        'S10 U10 A50:a,b T50:a T50:b A50:c T50:c A50:d T50:d',
        300,
        '0 1 5 6 7 8',
        [],
        true,
      ],
      [
        'a repeated id is paired by place',
        'S10 U10 A50:a T50:a A50:a T50:a A50:a T50:a',
        260,
        '0 1 6 7',
        [],
        true,
      ],
      ['without a system message', 'U10 A50:a T50:a A50:b T50:b', 200, '0 3 4', [], true],
      [
        'the first user message is protected where it stands, and late system messages too',
        'A50 U10 A50:a T50:a S10 A50:b T50:b',
        250,
        '1 4 5 6',
        [],
        true,
      ],
      [
        'a newest result that alone is too much is shortened before anything is dropped',
        'S10 U10 A10:a T100:a A10:b T9000:b',
        1_200,
        '0 1 2 3 4 5',
        [5],
        true,
      ],
      [
        'a newest result that fits stays whole at the cost of older turns',
        'S10 U10 A10:a T500:a A10:b T900:b',
        1_200,
        '0 1 4 5',
        [],
        true,
      ],
      ['nothing more to leave out', 'S10 U300 A10:a T20:a', 100, '0 1 2 3', [], false],
      ['one message too long', 'U300', 100, '0', [], false],
    ];
  it.each(table)('%s', (_, spelled, budget, shown, shortened, fits) => {
    const messages = transcript(spelled);
    const copy = structuredClone(messages);
    const view = safeView(messages, [], { budgetTokens: budget, counter: characters });
    expect(view.transcriptIndexes.join(' ')).toBe(shown);
    expect(view.shortened).toEqual(shortened);
    expect(view.fits).toBe(fits);
    expect(view.tokens).toBe(view.messages.reduce((sum, m) => sum + textOf(m).length, 0));
    expect(messages).toEqual(copy);
  });

  it('says in a shortened result how much is missing, in code points', () => {
    const text = `${'\u{1f600}'.repeat(400)}${'m'.repeat(1_000)}${'z'.repeat(200)}`;
    const messages = transcript('U1 A0:a T0:a');
    messages[2] = { role: 'tool', toolCallId: 'a', toolName: 't', content: textContent(text) };
    expect(
      textOf(safeView(messages, [], { budgetTokens: 1_900, counter: characters }).messages[2]!),
    ).toBe(
      `${'\u{1f600}'.repeat(400)}\n[... 1000 characters of this result left out ...]\n${'z'.repeat(200)}`,
    );
  });

  it('says in the head that messages are left out, the same at every cut', () => {
    const options = { budgetTokens: 300, counter: characters, note: '[left out]' };
    const messages = transcript('S10 U10 A50:a T50:a A50:b T50:b');
    const whole = safeView(messages, [], options);
    expect(whole.messages).toEqual(messages);
    const longer = [...messages, ...transcript('A50:c T50:c')];
    const cut = safeView(longer, [], options, whole.state);
    expect(cut.messages.slice(0, 2).map(textOf)).toEqual([
      'x'.repeat(10),
      `${'x'.repeat(10)}\n\n[left out]`,
    ]);
    const again = safeView([...longer, ...transcript('A50:d T50:d')], [], options, cut.state);
    expect(again.dropped.length).toBeGreaterThan(cut.dropped.length);
    expect(again.messages.slice(0, 2)).toEqual(cut.messages.slice(0, 2));
  });

  it('shortens the newest result where only the note would make it too much', () => {
    const messages = transcript('S10 U10 A10:a T100:a A10:b T4000:b');
    const note = '[left out]';
    const counted = { counter: characters, note };
    const alone = 10 + 10 + 10 + 4_000;
    for (const budgetTokens of [alone + 2, alone + 11, alone + 12]) {
      const view = safeView(messages, [], { ...counted, budgetTokens });
      expect(view.fits).toBe(true);
      expect(view.tokens).toBeLessThanOrEqual(budgetTokens);
    }
  });

  it('shows a turn again whole when a result comes after it was left out', () => {
    const messages = transcript('U1 A50:a A50:b T50:b');
    const first = safeView(messages, [], { budgetTokens: 130, counter: characters });
    expect(first.transcriptIndexes).toEqual([0, 2, 3]);
    const later = [...messages, ...transcript('T1:a')];
    const second = safeView(later, [], { budgetTokens: 500, counter: characters }, first.state);
    expect(second.transcriptIndexes).toEqual([0, 1, 2, 3, 4]);
  });

  const message = fc.oneof(
    fc.record({ role: fc.constantFrom('S', 'U', 'A'), length: fc.nat(900) }),
    fc.record({
      role: fc.constant('A'),
      length: fc.nat(50),
      ids: fc.array(fc.constantFrom('', 'a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
    }),
  );
  /** Turns as a loop makes them: calls are followed by their results. */
  const turns = fc
    .array(fc.tuple(message, fc.array(fc.nat(3_000), { minLength: 3, maxLength: 3 })), {
      minLength: 1,
      maxLength: 25,
    })
    .map((list) =>
      list.map(([made, lengths]) => {
        const ids = 'ids' in made ? (made.ids as string[]) : [];
        const calls = ids.length === 0 ? '' : `:${ids.join(',')}`;
        return [
          `${made.role}${made.length}${calls}`,
          ...ids.map((id, at) => `T${lengths[at]}:${id}`),
        ].flatMap((word) => transcript(word));
      }),
    );

  it('keeps pairs and the head, and is stable between cuts, whatever the transcript', () => {
    let cuts = 0;
    let steady = 0;
    fc.assert(
      fc.property(
        turns,
        fc.integer({ min: 50, max: 8_000 }),
        fc.boolean(),
        fc.constantFrom('', '[left out]'),
        (added, budget, estimates, note) => {
          const counter = estimates ? estimatedTokens : characters;
          const messages: Message[] = [];
          let state: SafeViewState | undefined;
          let before: ReturnType<typeof safeView> | undefined;
          let noteAt = -1;
          for (const turn of added) {
            messages.push(...turn);
            const copy = [...messages];
            const view = safeView(messages, [], { budgetTokens: budget, counter, note }, state);
            expect(messages).toEqual(copy);
            expectUnits(messages, view.transcriptIndexes);
            expect(view.transcriptIndexes.length + view.dropped.length).toBe(messages.length);
            const firstUser = messages.findIndex(({ role }) => role === 'user');
            for (const [index, { role }] of messages.entries()) {
              if (role === 'system' || index === firstUser)
                expect(view.dropped).not.toContain(index);
            }
            const lastSystem = messages.findLastIndex(({ role }) => role === 'system');
            // A first user message that comes after a cut is given the note at the next.
            if (view.dropped !== before?.dropped) noteAt = firstUser < 0 ? lastSystem : firstUser;
            const isNoted = (index: number) =>
              note !== '' && view.dropped.length > 0 && index === noteAt;
            for (const [at, index] of view.transcriptIndexes.entries()) {
              const isShort = view.shortened.includes(index);
              if (isShort) expect(messages[index]!.role).toBe('tool');
              else if (isNoted(index)) expectNoted(view.messages[at]!, messages[index]!, note);
              else expect(view.messages[at]).toBe(messages[index]);
            }
            expect(view.tokens).toBe(view.messages.reduce((n, m) => n + counter.message(m), 0));
            expect(view.fits).toBe(view.tokens <= budget);
            if (!view.fits) {
              // The head and the newest turn, nothing else.
              const newest = messages.length - turn.length;
              for (const index of view.transcriptIndexes) {
                const isHead = messages[index]!.role === 'system' || index === firstUser;
                expect(isHead || index >= newest).toBe(true);
              }
            }
            if (before !== undefined && state !== undefined) {
              const grown = before.messages.every((m, at) => view.messages[at] === m);
              const wouldFit =
                before.tokens + turn.reduce((n, m) => n + counter.message(m), 0) <= budget;
              // A late first user message isn't dropped before it is there, so growth is all there is.
              if (wouldFit) {
                expect(grown).toBe(true);
                expect(view.messages.length).toBe(before.messages.length + turn.length);
                steady += 1;
              } else {
                cuts += 1;
                if (view.fits && view.dropped.length > before.dropped.length) {
                  const onlyNewest = view.transcriptIndexes.every(
                    (index) =>
                      messages[index]!.role === 'system' ||
                      index === firstUser ||
                      index >= messages.length - turn.length,
                  );
                  expect(onlyNewest || view.tokens <= Math.floor(budget * CUT_TO)).toBe(true);
                }
              }
            }
            state = view.state;
            before = view;
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(cuts).toBeGreaterThan(100);
    expect(steady).toBeGreaterThan(100);
  });

  it('never shows half of a pair, however odd the transcript', () => {
    const id = fc.constantFrom('', 'a', 'b');
    const anything = fc.oneof(
      fc.tuple(fc.constantFrom('S', 'U', 'A'), fc.nat(60)).map(([role, n]) => `${role}${n}`),
      fc.array(id, { minLength: 1, maxLength: 3 }).map((ids) => `A5:${ids.join(',')}`),
      fc.tuple(fc.nat(1_500), id).map(([n, answered]) => `T${n}:${answered}`),
    );
    let halves = 0;
    fc.assert(
      fc.property(
        fc.array(fc.array(anything, { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
        fc.integer({ min: 20, max: 3_000 }),
        (added, budget) => {
          const messages: Message[] = [];
          let state: SafeViewState | undefined;
          for (const words of added) {
            messages.push(...words.flatMap((word) => transcript(word)));
            const view = safeView(
              messages,
              [],
              { budgetTokens: budget, counter: characters },
              state,
            );
            const shown = new Set(view.transcriptIndexes);
            for (const [call, result] of pairsOf(messages)) {
              expect(shown.has(call)).toBe(shown.has(result));
              if (!shown.has(call)) halves += 1;
            }
            expect(shown.has(messages.length - 1)).toBe(true);
            expect([...shown]).toEqual([...shown].toSorted((a, b) => a - b));
            expect(view.tokens).toBe(view.messages.reduce((n, m) => n + textOf(m).length, 0));
            state = view.state;
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(halves).toBeGreaterThan(100);
  });
});

function expectNoted(shown: Message, whole: Message, note: string): void {
  expect(shown).toEqual({ ...whole, content: expect.anything() });
  const between = whole.content.length === 0 ? '' : '\n\n';
  expect(textOf(shown)).toBe(`${textOf(whole)}${between}${note}`);
}

/** Each result with the latest call of its id that has none yet. */
function pairsOf(messages: readonly Message[]): [number, number][] {
  const open: { id: string; at: number }[] = [];
  return messages.flatMap((message, at): [number, number][] => {
    if (message.role === 'assistant') open.push(...message.toolCalls.map(({ id }) => ({ id, at })));
    if (message.role !== 'tool') return [];
    const found = open.findLastIndex(({ id }) => id === message.toolCallId);
    return found < 0 ? [] : open.splice(found, 1).map((call) => [call.at, at]);
  });
}

/** Whatever is shown of a turn, all its calls and all its results are. */
function expectUnits(messages: readonly Message[], shown: readonly number[]): void {
  const isShown = new Set(shown);
  let caller = -1;
  for (const [index, { role }] of messages.entries()) {
    if (role !== 'tool') caller = index;
    else expect(isShown.has(index)).toBe(isShown.has(caller));
  }
}
