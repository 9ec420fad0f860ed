// The framework's own time per turn of an agent loop: a model that answers at once, one tool call a
// turn, a tool that returns at once. Beside it the same turns with exact tokens kept, by a managed
// server over an engine that answers at once. Time per turn should not grow with the turns.
import { runAgent } from '../src/agent/index.ts';
import { type AssistantMessage, type Message, textContent } from '../src/messages.ts';
import {
  createChatmlRenderer,
  createManagedServer,
  type Engine,
  type ModelSession,
} from '../src/models/index.ts';
import { hermesParser } from '../src/parsers/index.ts';
import { readBaseCheckpoint, specialId } from '../src/policy/index.ts';
import { createToolRegistry, tool } from '../src/tools/index.ts';
import { report, round } from './support/report.ts';
import { median, medianRatio } from './support/statistics.ts';

const TURNS = [100, 200, 400] as const;
/** After one that warms up. */
const ROUNDS = 15;

const registry = createToolRegistry([
  tool({
    name: 'price',
    description: 'The price of an item, in coins.',
    parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
    execute: () => '42',
  }),
]);
const opening: readonly Message[] = [
  { role: 'user', content: textContent('How much is the lamp?') },
];
const argumentsText = '{"item": "lamp"}';
const { tokenizer } = await readBaseCheckpoint();
const renderer = createChatmlRenderer({ tokenizer });

/** Calls the tool on every turn but the last. */
function scriptedSession(turns: number): ModelSession {
  let calls = 0;
  const answer: AssistantMessage = { role: 'assistant', content: textContent('42'), toolCalls: [] };
  return {
    complete: async () => {
      calls += 1;
      if (calls === turns) return { message: answer, finishReason: 'stop' };
      const call = { id: `call-${calls}`, name: 'price', argumentsText };
      const message: AssistantMessage = { role: 'assistant', content: [], toolCalls: [call] };
      return { message, finishReason: 'tool_calls' };
    },
    record: () => ({
      segments: [],
      sampledTokens: undefined,
      modelCalls: calls,
      calls: [],
      rendering: undefined,
      logprobMode: undefined,
    }),
  };
}

const end = specialId('<|im_end|>');
const encoded = (text: string) =>
  Int32Array.of(...tokenizer.encode(text, { allowSpecial: true }), end);
const callIds = encoded(
  `<tool_call>\n{"name": "price", "arguments": ${argumentsText}}\n</tool_call>`,
);
const answerIds = encoded('42');

function managedSession(turns: number): ModelSession {
  let calls = 0;
  const engine: Engine = {
    describe: async () => ({
      model: 'at-once',
      vocabularySize: tokenizer.vocabularySize,
      contextLength: undefined,
      rendering: { tokenizerSha256: '', templateSha256: '' },
      logprobMode: 'processed',
      policyVersion: 1,
    }),
    generate: async () => {
      calls += 1;
      const tokenIds = calls === turns ? answerIds : callIds;
      return {
        tokenIds,
        logprobs: new Float32Array(tokenIds.length).fill(-0.5),
        finish: 'stop',
        versions: [{ length: tokenIds.length, version: 1 }],
      };
    },
    close: async () => {},
  };
  const server = createManagedServer({ engine, renderer, parser: hermesParser });
  return server.openSession({ rolloutId: 'rollout', announcedVersion: () => 1 });
}

/** Milliseconds of one rollout, from the opening to its record. */
async function play(session: ModelSession, turns: number): Promise<number> {
  const start = performance.now();
  const result = await runAgent<undefined>({
    session,
    messages: opening,
    tools: registry.definitions,
    handler: registry.handleFunctionCall,
    rolloutId: 'rollout',
    state: undefined,
    maxTurns: turns,
  });
  session.record();
  const ms = performance.now() - start;
  if (result.stopReason !== 'natural' || result.toolCalls.executedOk !== turns - 1) {
    throw new Error(`the loop stopped with ${result.stopReason}: ${result.stopDetail}`);
  }
  return ms;
}

const sessions = { direct: scriptedSession, managed: managedSession };
type Kind = keyof typeof sessions;
const kinds = Object.keys(sessions) as Kind[];
const times = new Map<string, number[]>(
  kinds.flatMap((kind) => TURNS.map((turns) => [`${kind} ${turns}`, []])),
);
const timesOf = (kind: Kind, turns: number): number[] => times.get(`${kind} ${turns}`)!;
for (let at = 0; at <= ROUNDS; at += 1) {
  for (const kind of kinds) {
    for (const turns of TURNS) {
      const ms = await play(sessions[kind](turns), turns);
      if (at > 0) timesOf(kind, turns).push(ms);
    }
  }
}

report('loop', {
  rounds: ROUNDS,
  toolCallsPerTurn: 1,
  ...Object.fromEntries(
    kinds.map((kind) => [
      kind,
      {
        microsecondsPerTurn: Object.fromEntries(
          TURNS.map((turns) => [turns, round((median(timesOf(kind, turns)) / turns) * 1000, 1)]),
        ),
        timeOf400TurnsOver100: round(medianRatio(timesOf(kind, 400), timesOf(kind, 100))),
      },
    ]),
  ),
});
