import { type AgentResult, runAgent, unplayedResult } from '../../agent/index.ts';
import type { Outcome, Provenance, Rollout, SandboxUse } from '../../contract/index.ts';
import { failureOf, NO_RENDERING, unplayedRollout } from '../../contract/index.ts';
import { clipText, errorMessage, LachesisError } from '../../errors.ts';
import { type Message, type SamplingParameters, textContent } from '../../messages.ts';
import type { ModelSession, SessionRecord } from '../../models/index.ts';
import { freshSeed, seededRandom } from '../../random.ts';
import type { RolloutSandbox } from '../../sandbox/index.ts';
import { emptyLedger } from '../../tokens/index.ts';
import { deepFreeze } from '../freeze.ts';
import { EpisodeSandboxes } from './episode-sandboxes.ts';
import { failureIn, stopReasonOf } from './failure.ts';
import { callHook, partDeadline } from './hooks.ts';
import { offeredTools, toolsetMetrics } from './offered-tools.ts';
import { defaultIsolation, type PlayOptions, type RolloutIdentity } from './options.ts';
import { score } from './score.ts';

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_TOOL_TIMEOUT_MS = 60_000;
/** A teardown that hangs must not hold the group. */
const TEARDOWN_TIMEOUT_MS = 30_000;

/** What was played, before it is given its times and its provenance. */
interface Played {
  readonly result: AgentResult;
  readonly outcome: Outcome;
  readonly record: SessionRecord | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  readonly sandbox?: SandboxUse | undefined;
}

/**
 * Plays one rollout to its end: setup, prompt, agent, reward, and teardown always. It never rejects:
 * whatever fails is typed in the outcome. Its tokens are not settled yet; the ledger has only the
 * number that the engine sampled.
 */
export async function attemptRollout(
  options: PlayOptions,
  identity: RolloutIdentity,
): Promise<Rollout> {
  const { now = Date.now } = options;
  const startTimeMs = now();
  const played = await play(options, identity);
  return {
    id: identity.rolloutId,
    groupId: identity.groupId,
    taskKey: identity.task.key,
    index: identity.index,
    result: played.result,
    outcome: played.outcome,
    segments: played.record?.segments ?? [],
    calls: played.record?.calls ?? [],
    ledger: { ...emptyLedger(), sampled: played.record?.sampledTokens ?? 0 },
    provenance: provenanceOf(options, played.record, played.sandbox),
    startTimeMs,
    endTimeMs: Math.max(startTimeMs, now()),
    metrics: { ...toolsetMetrics(options, identity), ...played.metrics },
  };
}

/** The rollout of something that could not even begin, typed by what was thrown. */
export function failedRollout(
  options: Omit<PlayOptions, 'signal'>,
  identity: RolloutIdentity,
  thrown: unknown,
  signal: AbortSignal,
): Rollout {
  const { now = Date.now } = options;
  const failure =
    thrown instanceof LachesisError && !signal.aborted
      ? failureOf(thrown)
      : failureIn('task source', thrown, signal);
  return unplayedRollout({
    id: identity.rolloutId,
    groupId: identity.groupId,
    taskKey: identity.task.key,
    index: identity.index,
    stopReason: stopReasonOf(failure),
    failure,
    provenance: provenanceOf(options, undefined),
    timeMs: now(),
  });
}

async function play(options: PlayOptions, identity: RolloutIdentity): Promise<Played> {
  const { definition } = options.environment;
  // Every rollout of a group, and of later groups, is given this very task.
  deepFreeze(identity.task.data);
  const timeoutMs = options.limits?.timeoutMs ?? definition.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  using deadline = partDeadline({
    name: 'The rollout',
    reason: 'ROLLOUT_TIMEOUT',
    timeoutMs,
    remedy: "If it needs longer, raise the environment's timeoutMs or the limits' timeout.",
    signal: options.signal,
  });
  const { signal } = deadline;
  let sandboxes: EpisodeSandboxes;
  try {
    sandboxes = await EpisodeSandboxes.open(options.environment, identity, { timeoutMs, signal });
  } catch (error) {
    return unplayed('sandbox', error, signal);
  }
  await using given = sandboxes;
  const played = await playWith(given, options, identity, given.whileThere(signal));
  return { ...played, sandbox: given.use };
}

async function playWith(
  sandboxes: EpisodeSandboxes,
  options: PlayOptions,
  identity: RolloutIdentity,
  signal: AbortSignal,
): Promise<Played> {
  const { definition, settings } = options.environment;
  let state: unknown;
  try {
    const { setup } = definition;
    if (setup !== undefined) {
      const random = seededRandom('rollout', options.seed ?? freshSeed(), identity.index);
      const { rolloutId } = identity;
      const context = { settings, rolloutId, random, sandbox: sandboxes.own, signal };
      state = await callHook(() => setup(identity.task, context), {
        // A setup that ends after it was given up still made something that has to be given back.
        onLate: (late) => void tearDown(options, late),
        signal,
      });
    }
  } catch (error) {
    return unplayed('setup', error, signal);
  }
  // Nothing is known to reject here, but what `setup` made is given back whatever happens.
  const played = await playEpisode(options, identity, { state, sandboxes }, signal).catch(
    (error: unknown) => unplayed('agent', error, signal),
  );
  const tornDown = await tearDown(options, state);
  return tornDown ? played : { ...played, metrics: { ...played.metrics, teardown_failed: 1 } };
}

async function playEpisode(
  options: PlayOptions,
  identity: RolloutIdentity,
  { state, sandboxes }: { readonly state: unknown; readonly sandboxes: EpisodeSandboxes },
  signal: AbortSignal,
): Promise<Played> {
  const { environment, modelServer } = options;
  const { definition, settings } = environment;
  let messages: readonly Message[];
  try {
    const opening = await callHook(() => definition.prompt(identity.task, { state, settings }), {
      signal,
    });
    messages = openingMessages(opening, definition.systemPrompt);
  } catch (error) {
    return unplayed('prompt', error, signal);
  }
  let session: ModelSession;
  try {
    session = modelServer.openSession({
      rolloutId: identity.rolloutId,
      ...(options.runId !== undefined && { runId: options.runId }),
      announcedVersion: options.announcedVersion ?? (() => 0),
    });
  } catch (error) {
    return unplayed('model server', asInfrastructure(error), signal);
  }
  const result = await runTheAgent(options, identity, {
    ...{ state, messages, session, signal },
    sandbox: sandboxes.own,
  });
  const episode = { task: identity.task, state, result, sandboxes };
  const scored = await score(environment, episode, signal, options);
  return { ...scored, result, record: session.record() };
}

function runTheAgent(
  options: PlayOptions,
  identity: RolloutIdentity,
  episode: {
    readonly state: unknown;
    readonly messages: readonly Message[];
    readonly session: ModelSession;
    readonly sandbox: RolloutSandbox;
    readonly signal: AbortSignal;
  },
): Promise<AgentResult> {
  const { definition, settings, tools } = options.environment;
  const { state } = episode;
  const offered = offeredTools(options, identity);
  const maxTurns = options.limits?.maxTurns ?? definition.maxTurns;
  const { isDone } = definition;
  const { onProgress } = options;
  return runAgent({
    ...definition.agent,
    ...episode,
    settings,
    tools: tools.definitions.filter(({ name }) => offered.has(name)),
    handler: options.toolHandler ?? tools.callTool,
    rolloutId: identity.rolloutId,
    sampling: samplingOf(options),
    ...(maxTurns === undefined ? {} : { maxTurns }),
    toolTimeoutMs: (name) =>
      tools.timeoutMs(name) ?? definition.toolTimeoutMs ?? DEFAULT_TOOL_TIMEOUT_MS,
    ...(isDone === undefined
      ? {}
      : { isDone: () => isDone({ task: identity.task, state, settings }) }),
    ...(onProgress === undefined
      ? {}
      : {
          onTurn: (turn, messages) => {
            const { rolloutId, groupId } = identity;
            onProgress({ kind: 'turn', rolloutId, groupId, turn, messages });
          },
        }),
  });
}

/** A model server that can't even open a session is out of order, whatever it threw. */
function asInfrastructure(error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  return new LachesisError('infrastructure_error', errorMessage(error), {
    reason: 'MODEL_SERVER',
    cause: error,
  });
}

function unplayed(phase: string, error: unknown, signal: AbortSignal): Played {
  const failure = failureIn(phase, error, signal);
  const result = unplayedResult(stopReasonOf(failure), failure.message);
  return { result, outcome: { kind: 'not_scored', failure }, record: undefined, metrics: {} };
}

/** True when it went well. A broken teardown does not take a reward away: the rollout was over. */
async function tearDown({ environment, onWarning }: PlayOptions, state: unknown): Promise<boolean> {
  const { teardown, name } = environment.definition;
  if (teardown === undefined) return true;
  using deadline = partDeadline({
    name: 'The teardown',
    reason: 'TEARDOWN_TIMEOUT',
    timeoutMs: TEARDOWN_TIMEOUT_MS,
    remedy: 'It must give back what it holds in less.',
  });
  try {
    await callHook(() => teardown(state), deadline);
    return true;
  } catch (error) {
    onWarning?.(`The teardown of environment \`${name}\` failed: ${errorMessage(error)}`);
    return false;
  }
}

function openingMessages(
  opening: string | readonly Message[],
  systemPrompt: string | undefined,
): readonly Message[] {
  const messages: readonly Message[] =
    typeof opening === 'string' ? [{ role: 'user', content: textContent(opening) }] : opening;
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isMessage)) {
    throw new LachesisError(
      'environment_error',
      `The prompt function returned ${clipText(JSON.stringify(opening) ?? 'nothing', 200)}; a text or a list of messages is needed.`,
      { reason: 'PROMPT_SHAPE', remedy: 'Return a string, or [{ role, content: [...] }].' },
    );
  }
  if (systemPrompt === undefined || messages.some(({ role }) => role === 'system')) return messages;
  return [{ role: 'system', content: textContent(systemPrompt) }, ...messages];
}

/** Types are stripped, not checked, so an environment can return anything. */
function isMessage(value: unknown): boolean {
  const message = value as Partial<Message> | null | undefined;
  return typeof message?.role === 'string' && Array.isArray(message.content);
}

function samplingOf({
  environment,
  sampling,
}: Pick<PlayOptions, 'environment' | 'sampling'>): SamplingParameters {
  return { ...environment.definition.sampling, ...sampling };
}

function provenanceOf(
  options: Omit<PlayOptions, 'signal'>,
  record: SessionRecord | undefined,
  sandbox?: SandboxUse,
): Provenance {
  const { definition, name } = options.environment;
  return {
    environment: name,
    environmentVersion: definition.version ?? '',
    verifierVersion: definition.verifierVersion ?? '',
    model: options.modelServer.model,
    sampling: samplingOf(options),
    rendering: record?.rendering ?? NO_RENDERING,
    isolation: options.isolation ?? defaultIsolation(options.environment),
    workerId: options.workerId ?? '',
    logprobMode: record?.logprobMode ?? '',
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}
