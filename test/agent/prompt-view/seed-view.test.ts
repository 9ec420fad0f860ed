import { describe, expect, it } from 'vitest';
import { seedView } from '../../../src/agent/prompt-view/index.ts';
import { seedTokens } from '../../../src/agent/prompt-view/seed-view.ts';
import { type Message, textContent, textOf } from '../../../src/messages.ts';

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

const LONG = 'S400 U400 A0:1 T4000:1 A0:2 T4000:2 A0:3 T4000:3 A0:4 T4000:4 A0:5 T4000:5';

describe("the seed's prompt view", () => {
  // Transcript, budget; estimate before and after, what is shown by place, what of it is cut.
  const table: readonly (readonly [string, number, number, number, string, readonly number[]])[] = [
    ['S400 U400', 221, 220, 220, '0 1', []],
    [LONG, 4000, 5570, 3654, '0 1 2 3 4 5 6 7 8 9 10 11', [3, 5]],
    ['S400 U400 A0:1 T9000:1', 100, 2540, 2540, '0 1 2 3', []],
    ['S400 U400 A0:1 T9000:1 A0:2 T0:2 A0:3 T0:3', 100, 2680, 2680, '0 1 2 3 4 5 6 7', []],
    // Phase 2 takes calls and results together, and stops as soon as it fits.
    [LONG, 3600, 5570, 3542, '0 1 4 5 6 7 8 9 10 11', [5]],
    // All middle results are cut at once, though one would do.
    [LONG, 5569, 5570, 3654, '0 1 2 3 4 5 6 7 8 9 10 11', [3, 5]],
    // 200 is not cut, 201 is.
    ['S0 U0 T200:a T201:b A0 A0 A0 A0 A0 A400', 299, 300, 292, '0 1 2 3 4 5 6 7 8 9', [3]],
    // The tail's own result of a dropped call is orphaned.
    ['S0 U0 A400:a,b T0:a T0:b U0 U0 U0 U0 U4000', 1200, 1300, 1080, '0 1 4 5 6 7 8 9', []],
    // No system message: the call stands in the head and only its result is dropped.
    ['U0 A0:1 T0:1 U0 U0 U0 U0 U0 U4000', 1100, 1140, 1130, '0 1 3 4 5 6 7 8', []],
    // User turns go too, and what is left may be over the budget.
    ['S0 U0 U400 U0 U0 U0 U0 U0 U4000', 10, 1190, 1080, '0 1 3 4 5 6 7 8', []],
    ['U99', 1, 34, 34, '0', []],
  ];
  it.each(table)('%s within %i', (spelled, budget, before, after, shown, cut) => {
    const messages = transcript(spelled);
    const copy = structuredClone(messages);
    expect(messages.reduce((sum, message) => sum + seedTokens(message), 0)).toBe(before);
    const view = seedView(messages, budget);
    expect(view.tokens).toBe(after);
    expect(view.fits).toBe(after <= budget);
    expect(view.transcriptIndexes.join(' ')).toBe(shown);
    expect(view.shortened).toEqual(cut);
    expect(view.dropped.length + view.messages.length).toBe(messages.length);
    for (const index of cut) {
      const at = view.transcriptIndexes.indexOf(index);
      expect(textOf(view.messages[at]!)).toHaveLength(169);
    }
    expect(messages).toEqual(copy);
  });

  it('counts and cuts in code points, as Python does', () => {
    const grin = '\u{1f600}';
    const odd = `${grin.repeat(99)}a\ud800${'b'.repeat(60)}${grin.repeat(50)}`;
    const messages: Message[] = transcript('S0 U0 T0:1 A0 A0 A0 A0 A0 A4000');
    messages[2] = { role: 'tool', toolCallId: '1', toolName: 't', content: textContent(odd) };
    expect(seedTokens(messages[2])).toBe(Math.floor(211 / 4) + 10);
    const view = seedView(messages, 1_132);
    expect(textOf(view.messages[2]!)).toBe(
      `${grin.repeat(99)}a\n...[truncated]...\n${grin.repeat(50)}`,
    );
  });

  it('takes content that is no text for a list, and is a typed error where the seed crashed', () => {
    const image = { kind: 'image', uri: 'x:', mediaType: 'image/png', sha256: '' } as const;
    const withParts = (count: number): Message[] => {
      const messages = transcript('S0 U0 T0:1 A0 A0 A0 A0 A0 A0');
      messages[2] = {
        role: 'tool',
        toolCallId: '1',
        toolName: 't',
        content: Array.from({ length: count }, () => image),
      };
      return messages;
    };
    expect(seedTokens(withParts(9)[2]!)).toBe(12);
    expect(seedView(withParts(200), 139).dropped).toEqual([2]);
    expect(() => seedView(withParts(201), 1)).toThrow(
      expect.objectContaining({ kind: 'environment_error', reason: 'SEED_VIEW_CONTENT' }),
    );
  });
});
