import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../../src/messages.ts';
import { textOf } from '../../src/messages.ts';
import type { CompletionRequest } from '../../src/models/index.ts';
import type { Segment } from '../../src/tokens/index.ts';
import { type EngineCall, sampledRuns } from '../support/engine-log.ts';
import { episodePlan, growingPlan } from '../support/episode-plans.ts';
import type { Step } from '../support/episode-steps.ts';
import { type PlayedEpisode, playEpisode } from '../support/episodes.ts';

function startsWith(ids: Int32Array, start: Int32Array): boolean {
  return ids.length >= start.length && start.every((id, at) => ids[at] === id);
}

function concat(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** The segment that was the first to hold what a call sampled. */
function segmentOf(segments: readonly Segment[], callIndex: number): Segment | undefined {
  return segments.find((segment) =>
    sampledRuns(segment).some((run) => run.own && run.callIndex === callIndex),
  );
}

const FAILING: ReadonlySet<string> = new Set(['lost', 'broken', 'hang', 'cancel', 'unreachable']);

/** What a call's prompt adds to the one before it: nothing, the reply and more, or another history. */
function moveBetween(earlier: CompletionRequest, later: CompletionRequest) {
  const [a, b] = [earlier.transcriptIndexes, later.transcriptIndexes];
  const places = ({ messages }: CompletionRequest, given = a) => given ?? messages.map((_, i) => i);
  const before = places(earlier, a);
  const now = places(later, b);
  if (!before.every((place, at) => now[at] === place)) return 'rewritten';
  if (now.length === before.length) return 'again';
  // The reply to the earlier prompt comes right behind it.
  return now[before.length] === before.at(-1)! + 1 ? 'grown' : 'rewritten';
}

test('a prompt extends the last one and its output, or begins a segment that says why', async () => {
  const moves = { grown: 0, again: 0, rewritten: 0 };
  await fc.assert(
    fc.asyncProperty(episodePlan, async (plan) => {
      const { group, callsOf, requestsOf } = await playEpisode(plan);
      for (const { id, index: rollout, segments } of group.rollouts) {
        const calls = callsOf(id);
        const requests = requestsOf(id);
        // The last call that was answered, or broke after it had sampled; others left no trace.
        let last: number | undefined;
        for (const [index, call] of calls.entries()) {
          const left = call.sampled.length > 0;
          if (last === undefined) {
            if (left) expect(segmentOf(segments, index)!.reason).toBe('start');
          } else {
            const previous = calls[last]!;
            const move = moveBetween(requests[last]!, requests[index]!);
            moves[move] += 1;
            if (move === 'grown') {
              const seen = concat(previous.prompt, previous.sampled);
              expect(startsWith(call.prompt, seen)).toBe(true);
            }
            if (move === 'again') expect(call.prompt).toEqual(previous.prompt);
            if (left) expectSegment(segments, { move, last, index, call });
          }
          const { kind } = plan.rollouts[rollout]!.steps[index]?.ending ?? { kind: 'stop' };
          if (left || !FAILING.has(kind)) last = index;
        }
      }
    }),
    { numRuns: 200 },
  );
  for (const times of Object.values(moves)) expect(times).toBeGreaterThan(0);
});

function expectSegment(
  segments: readonly Segment[],
  made: {
    readonly move: ReturnType<typeof moveBetween>;
    readonly last: number;
    readonly index: number;
    readonly call: EngineCall;
  },
): void {
  const segment = segmentOf(segments, made.index)!;
  const before = segmentOf(segments, made.last);
  // An answer of no tokens shows in no span; the prompt was compared all the same.
  if (before === undefined) return;
  if (made.move === 'grown') {
    expect(segment.id).toBe(before.id);
    return;
  }
  expect(segment.id).not.toBe(before.id);
  expect(segment.reason).toBe(made.move === 'again' ? 'branch' : 'history_rewritten');
  expect(segment.reasonDetail).not.toBe('');
  const { parent } = segment;
  if (made.move === 'again')
    expect(parent).toEqual({ id: before.id, sharedTokens: made.call.prompt.length });
  if (parent === undefined) return;
  const { tokenIds } = segments.find(({ id }) => id === parent.id)!;
  expect(startsWith(segment.tokenIds, tokenIds.subarray(0, parent.sharedTokens))).toBe(true);
}

/** Characters of the messages that each call brought, and what the template may put around one. */
const AROUND_A_MESSAGE = 120;
/** Characters of the tools' own definitions, which stand in the first prompt. */
const TOOL_LIST = 1_000;

function newText(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + textOf(message).length + AROUND_A_MESSAGE, 0);
}

/** Characters tokenised for each call of the first rollout. */
function workPerCall({ encodedBefore, group }: PlayedEpisode): number[] {
  const { id } = group.rollouts[0]!;
  const totals: number[] = [];
  for (let call = 0; encodedBefore.has(`${id}/${call}`); call++) {
    totals.push(encodedBefore.get(`${id}/${call}`)!);
  }
  return totals.map((total, call) => total - (totals[call - 1] ?? 0));
}

test('what is tokenised for a turn is what is new in it', async () => {
  const single = growingPlan.map((plan) => ({ ...plan, rollouts: plan.rollouts.slice(0, 1) }));
  await fc.assert(
    fc.asyncProperty(single, async (plan) => {
      const played = await playEpisode(plan);
      const { id } = played.group.rollouts[0]!;
      const requests = played.requestsOf(id);
      // A call that left no token left nothing at all: what was new in it is new again.
      let held = 0;
      for (const [call, work] of workPerCall(played).entries()) {
        const { messages } = requests[call]!;
        // The model's own turn is not tokenised: it counts for nothing here.
        const added = messages.slice(held).filter(({ role }) => role !== 'assistant');
        const limit = newText(added) + AROUND_A_MESSAGE + (held === 0 ? TOOL_LIST : 0);
        expect(work).toBeLessThanOrEqual(limit);
        if (played.callsOf(id)[call]!.sampled.length > 0) held = messages.length;
      }
    }),
    { numRuns: 100 },
  );
});

test('turn 150 costs the tokenizer what turn 2 did', async () => {
  const turns = 150;
  const text = '<tool_call>\n{"name": "fail", "arguments": {"n": 1}}\n</tool_call>';
  const steps = Array.from({ length: turns }, (_, index): Step => {
    // A retry every now and then: the prompt that is asked again is not tokenised from its start.
    const isLost = index % 40 === 39;
    return {
      text: `${'hello world '.repeat(20)}${text}`,
      spelling: index,
      ending: isLost ? { kind: 'lost', after: 5 } : { kind: 'stop' },
    };
  });
  const played = await playEpisode({
    rollouts: [{ steps, reward: 'scored' }],
    prompt: 'hello',
    maxTurns: turns - 5,
    callIds: 'same',
    listTools: true,
  });
  const work = workPerCall(played);
  expect(work.length).toBeGreaterThan(turns - 10);
  const longest = Math.max(...work.slice(1));
  // Far below one of the model's own turns, and below all that was said by far.
  expect(longest).toBeLessThan(300);
  expect(played.group.rollouts[0]!.result.turns.length).toBe(turns - 5);
});
