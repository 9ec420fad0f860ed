import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import type { Message, ToolMessage } from '../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { ledgerBalance, type Segment, settle, validateSequence } from '../../src/tokens/index.ts';
import { END, say, spiedRenderer, tokenizer } from './chatml.ts';

/** What happens before a call, and what the engine samples in it. */
interface Step {
  readonly sampled: readonly number[];
  readonly ending: 'stop' | 'dropped stop' | 'length' | 'abort' | 'failure';
  readonly move:
    | 'user'
    | 'tool'
    | 'two tools'
    | 'foreign and user'
    | 'again'
    | 'edit'
    | 'drop'
    | 'echo';
  readonly text: string;
}

const words = ['hello', 'world', 'he', 'a', '7', '<|im_end|>', '<tool_call>', 'é', '\n', ' the'];
const text = fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((parts) => parts.join(''));

/** Any ids but the stops: bytes, pieces and special tokens in any order, so hardly ever canonical. */
const sampledIds = fc.array(
  fc.nat({ max: tokenizer.vocabularySize - 1 }).filter((id) => id !== END && id !== 264),
  { maxLength: 12 },
);

const step: fc.Arbitrary<Step> = fc.record({
  sampled: sampledIds,
  ending: fc.constantFrom('stop', 'stop', 'stop', 'dropped stop', 'length', 'failure', 'abort'),
  move: fc.constantFrom(
    'user',
    'tool',
    'tool',
    'two tools',
    'foreign and user',
    'again',
    'edit',
    'drop',
    'echo',
  ),
  text,
});

const tool = (content: string): ToolMessage => ({
  role: 'tool',
  content: [{ kind: 'text', text: content }],
  toolCallId: 'c',
  toolName: 'f',
});

/** The history of the next call, and whether it only grew. */
function next(
  history: readonly Message[],
  { move, text: content }: Step,
  index: number,
): { messages: Message[]; grows: boolean } {
  switch (move) {
    case 'user':
      return { messages: [...history, say('user', content)], grows: true };
    case 'tool':
      return { messages: [...history, tool(content)], grows: true };
    case 'two tools':
      return { messages: [...history, tool(content), tool('world')], grows: true };
    case 'foreign and user': {
      const foreign: Message = {
        role: 'assistant',
        content: [{ kind: 'text', text: `${content}!` }],
        toolCalls: [],
      };
      return { messages: [...history, foreign, say('user', content)], grows: true };
    }
    case 'echo':
      return { messages: [...structuredClone(history), say('user', content)], grows: true };
    case 'again':
      return { messages: history.slice(0, -1), grows: false };
    case 'edit':
      return {
        messages: [say('system', `other ${index}`), ...history.slice(1), say('user', content)],
        grows: false,
      };
    case 'drop':
      return {
        messages: [...history.slice(0, 1), ...history.slice(3), say('user', content)],
        grows: false,
      };
  }
}

/** A segment's tokens from the place on where they are its own. */
function ownSampled(segment: Segment) {
  const found: { callIndex: number; start: number; end: number }[] = [];
  let position = 0;
  for (const span of segment.spans) {
    if (span.origin === 'sampled' && position >= (segment.parent?.sharedTokens ?? 0)) {
      found.push({ callIndex: span.callIndex!, start: position, end: position + span.length });
    }
    position += span.length;
  }
  return found;
}

const lost = new LachesisError('infrastructure_error', 'lost', { reason: 'LOST' });

test('segments are the engine’s own log, whatever the conversation', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
      const { renderer, encoded } = spiedRenderer();
      const engine = createScriptedEngine({
        description: { vocabularySize: tokenizer.vocabularySize, policyVersion: 1 },
        replies: (_, index) => {
          const { sampled, ending } = steps[index]!;
          // A marker that no other text holds, spelled in bytes: it would show in a re-tokenisation.
          const ids = [...new TextEncoder().encode(`§${index}§`), ...sampled];
          if (ending === 'stop') return { tokenIds: [...ids, END] };
          if (ending === 'abort')
            return { tokenIds: ids, after: new Promise(() => {}), sampledBeforeAbort: ids.length };
          if (ending === 'failure') {
            return { tokenIds: ids, error: lost, sampledBeforeError: ids.length - 1 };
          }
          return { tokenIds: ids, finish: ending === 'length' ? 'length' : 'stop' };
        },
      });
      const server = createManagedServer({ engine, renderer, parser: hermesParser });
      const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 1 });

      let history: Message[] = [say('system', 'hello'), say('user', 'world')];
      let grows = false;
      for (const [index, current] of steps.entries()) {
        const before = session.record().segments.length;
        const controller = new AbortController();
        const call = session
          .complete({ messages: history, tools: [], sampling: {} }, { signal: controller.signal })
          .catch(() => undefined);
        if (current.ending === 'abort') {
          await engine.arrived(index);
          controller.abort();
        }
        const completion = await call;
        const { segments } = session.record();
        const last = engine.calls[index]!;
        const previous = engine.calls[index - 1];
        if (grows && previous !== undefined) {
          // Invariant 4: appended history extends the ids, in the same segment.
          expect(segments.length).toBe(before);
          const seen = [...previous.promptTokenIds, ...previous.sampledTokenIds];
          expect([...last.promptTokenIds.subarray(0, seen.length)]).toEqual(seen);
        } else {
          expect(segments.length).toBe(before + 1);
          if (before > 0) expect(segments.at(-1)!.reasonDetail).not.toBe('');
        }
        if (completion === undefined) {
          if (current.ending === 'abort') break;
          // A failure is tried again with the same prompt.
          grows = false;
          continue;
        }
        history.push(completion.message);
        ({ messages: history, grows } = next(history, current, index));
      }

      // Invariant 1: at each call a segment holds exactly what the engine saw and produced.
      const record = session.record();
      const calls = new Set<number>();
      for (const segment of record.segments) {
        validateSequence(segment, segment.id);
        for (const { callIndex, start, end } of ownSampled(segment)) {
          const call = engine.calls[callIndex]!;
          expect([...segment.tokenIds.subarray(0, start)]).toEqual([...call.promptTokenIds]);
          expect([...segment.tokenIds.subarray(start, end)]).toEqual([...call.sampledTokenIds]);
          calls.add(callIndex);
        }
      }
      expect(calls.size).toBe(engine.calls.length);
      const sampled = engine.calls.reduce((sum, call) => sum + call.sampledTokenIds.length, 0);
      expect(record.sampledTokens).toBe(sampled);

      // Invariant 2, for each policy that a run may have.
      for (const policy of ['strict', 'realign', 'fork', 'mask'] as const) {
        const { segments, calls, sampledTokens } = record;
        const settled = settle({
          rolloutId: 'r',
          segments,
          calls,
          sampledTokens: sampledTokens!,
          policy,
          maxRowTokens: 0,
          masked: false,
        });
        expect(ledgerBalance(settled.ledger)).toBe(0);
      }

      expect(encoded.filter((piece) => piece.includes('§'))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
