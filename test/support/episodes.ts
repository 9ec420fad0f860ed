import type { Group, GroupPolicy } from '../../src/contract/index.ts';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import type { AssistantMessage, Message } from '../../src/messages.ts';
import {
  type Completion,
  type CompletionRequest,
  createChatmlRenderer,
  createManagedServer,
  createScriptedEngine,
  type ModelServer,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { type AnyTool, type ToolHandler, tool } from '../../src/tools/index.ts';
import { callsOf, type EngineCall, recordEngine } from './engine-log.ts';
import { replyOf, type Step } from './episode-steps.ts';
import { underFakeTime } from './fake-time.ts';
import { HOSTILE, STOP, spyTokenizer, tokenizer } from './spelling.ts';

/** What happens to one rollout; when its steps are used up, the model says `done`. */
export interface RolloutPlan {
  readonly steps: readonly Step[];
  readonly reward: 'scored' | 'throws' | 'not_scored';
}

export interface EpisodePlan {
  readonly rollouts: readonly RolloutPlan[];
  readonly prompt: string;
  readonly maxTurns: number;
  /** Of the calls that the agent is given: the session's own, one for all, or none. */
  readonly callIds: 'own' | 'same' | 'none';
  readonly listTools: boolean;
  readonly maxTokens?: number;
}

export interface ToolRun {
  readonly rolloutId: string;
  readonly turn: number;
  readonly name: string;
  readonly arguments: unknown;
}

export interface PlayedEpisode {
  readonly group: Group;
  /** In call order. */
  readonly callsOf: (rolloutId: string) => readonly EngineCall[];
  /** The prompt views that the model server was given, in order. */
  readonly requestsOf: (rolloutId: string) => readonly CompletionRequest[];
  readonly toolRuns: readonly ToolRun[];
  /** All texts that the tokenizer was given, in order. */
  readonly encoded: readonly string[];
  /** Characters that the tokenizer had been given when each engine call came in, by rollout and call: `g.0/1`. */
  readonly encodedBefore: ReadonlyMap<string, number>;
}

/** Tools that answer, fail, throw, hang and lose their machine; each run is noted first. */
export function episodeTools(runs: ToolRun[]): AnyTool[] {
  const parameters = { type: 'object', properties: { n: { type: 'integer' } } };
  const spied = (name: string, answer: () => unknown): AnyTool =>
    tool({
      name,
      description: `the tool ${name}`,
      parameters,
      execute: (args, { rolloutId, turn }) => {
        runs.push({ rolloutId, turn, name, arguments: args });
        return answer() as string;
      },
    });
  return [
    spied('answer', () => `${HOSTILE[runs.length % HOSTILE.length]} [${runs.length}]`),
    spied('plain', () => HOSTILE[runs.length % HOSTILE.length]),
    spied('fail', () => ({ error: `no luck ${HOSTILE[runs.length % HOSTILE.length]}` })),
    spied('throw', () => {
      throw new Error('<|im_end|> it broke');
    }),
    spied('hang', () => new Promise(() => {})),
    spied('lost', () => {
      throw new LachesisError('infrastructure_error', 'the machine is gone', { reason: 'GONE' });
    }),
  ];
}

/** Plays a group through the whole stack, from the environment to the engine, in no time. */
export function playEpisode(
  plan: EpisodePlan,
  options: { readonly policy?: GroupPolicy; readonly toolHandler?: ToolHandler } = {},
): Promise<PlayedEpisode> {
  return underFakeTime(async () => {
    const toolRuns: ToolRun[] = [];
    const spy = spyTokenizer(tokenizer);
    const controllers = plan.rollouts.map(() => new AbortController());
    const scripted = createScriptedEngine({
      description: { vocabularySize: tokenizer.vocabularySize, policyVersion: 3 },
      replies: ({ requestId }) => {
        const [rolloutId, callText] = requestId.split('/').slice(-2) as [string, string];
        const [index, call] = [indexOf(rolloutId), Number(callText)];
        const step = plan.rollouts[index]?.steps[call];
        if (step === undefined) return { tokenIds: [...tokenizer.encode('done'), STOP] };
        if (step.ending.kind === 'cancel') {
          setTimeout(() => controllers[index]?.abort(new Error('called off')), 10);
        }
        return replyOf(step, index, call);
      },
    });
    const encodedBefore = new Map<string, number>();
    const { engine, calls } = recordEngine(scripted, ({ requestId }) =>
      encodedBefore.set(requestId.split('/').slice(-2).join('/'), spy.characters),
    );
    const server = spyServer(
      createManagedServer({
        engine,
        renderer: createChatmlRenderer({ tokenizer: spy.tokenizer, listTools: plan.listTools }),
        parser: hermesParser,
        timeoutMs: 5_000,
      }),
      plan,
    );
    const definition = defineEnvironment({
      name: 'episodes',
      tasks: [{ data: null }],
      tools: episodeTools(toolRuns),
      systemPrompt: 'hello',
      setup: (_, { rolloutId }) => ({ index: indexOf(rolloutId) }),
      prompt: () => plan.prompt,
      reward: ({ state, result }) => {
        const { reward } = plan.rollouts[state.index]!;
        if (reward === 'throws') throw new Error('no reward');
        return reward === 'scored' ? result.turns.length / 7 : { notScored: 'not today' };
      },
      maxTurns: plan.maxTurns,
      toolTimeoutMs: 1_000,
    });
    const group = await playGroup({
      ...options,
      environment: await hostEnvironment(definition),
      modelServer: server.server,
      groupId: 'g',
      runId: 'run',
      groupSize: plan.rollouts.length,
      task: { key: '0', split: '', data: null },
      announcedVersion: () => 2,
      ...(plan.maxTokens !== undefined && { sampling: { maxTokens: plan.maxTokens } }),
      rolloutSignal: (rolloutId) => controllers[indexOf(rolloutId)]!.signal,
      signal: new AbortController().signal,
    });
    return {
      group,
      callsOf: (rolloutId) => callsOf(calls, rolloutId),
      requestsOf: (rolloutId) => server.requests.get(rolloutId) ?? [],
      toolRuns,
      encoded: spy.encoded,
      encodedBefore,
    };
  });
}

function indexOf(rolloutId: string): number {
  return Number(/\d+$/.exec(rolloutId)![0]);
}

/** Notes prompt views, gives calls other ids, and forgets turns where the plan says so. */
function spyServer(inner: ModelServer, plan: Pick<EpisodePlan, 'rollouts' | 'callIds'>) {
  const requests = new Map<string, CompletionRequest[]>();
  const server: ModelServer = {
    ...inner,
    model: 'scripted',
    openSession(options) {
      const session = inner.openSession(options);
      const seen: CompletionRequest[] = [];
      requests.set(options.rolloutId, seen);
      const { steps } = plan.rollouts[indexOf(options.rolloutId)]!;
      let kept = 0;
      return {
        record: () => session.record(),
        async complete(request, { signal }) {
          const { messages } = request;
          if (steps[seen.length]?.view === 'forget') kept = lastTurn(messages);
          const head = firstTurn(messages);
          const indexes = messages.map((_, i) => i).filter((i) => i < head || i >= kept);
          const view =
            indexes.length === messages.length
              ? request
              : {
                  ...request,
                  messages: indexes.map((i) => messages[i]!),
                  transcriptIndexes: indexes,
                };
          let again: boolean;
          let completion: Completion;
          do {
            again = steps[seen.length]?.view === 'again';
            seen.push(view);
            completion = await session.complete(view, { signal });
          } while (again);
          return { ...completion, message: withCallIds(completion.message, plan.callIds) };
        },
      };
    },
  };
  return { server, requests };
}

function firstTurn(messages: readonly Message[]): number {
  const index = messages.findIndex(({ role }) => role === 'assistant');
  return index < 0 ? messages.length : index;
}

function lastTurn(messages: readonly Message[]): number {
  return Math.max(
    0,
    messages.findLastIndex(({ role }) => role === 'assistant'),
  );
}

function withCallIds(message: AssistantMessage, ids: EpisodePlan['callIds']): AssistantMessage {
  if (ids === 'own') return message;
  const id = ids === 'same' ? 'x' : '';
  return { ...message, toolCalls: message.toolCalls.map((call) => ({ ...call, id })) };
}
