import { type Clock, systemClock } from '../async/index.ts';
import { invalidInput } from '../errors.ts';
import type { Message, SamplingParameters, ToolDefinition } from '../messages.ts';
import type { CallLineage, ModelSession } from '../models/index.ts';
import type { RolloutSandbox } from '../sandbox/index.ts';
import { noSandbox, type ToolHandler } from '../tools/index.ts';
import { type ResolvedSettings, resolveAgentSettings } from './resolve-settings.ts';
import type { AgentResult, Turn } from './result.ts';
import { RolloutShare } from './rollout-share.ts';
import type { AgentSettings } from './settings.ts';

/** What {@link runAgent} takes. */
export interface AgentOptions<State = unknown> extends AgentSettings<State> {
  /** This rollout's own. */
  readonly session: ModelSession;
  /** The opening conversation. */
  readonly messages: readonly Message[];
  /** What the model is offered. Calls of other names are answered with the names of these. */
  readonly tools: readonly ToolDefinition[];
  /** Answers calls: a registry's `handleFunctionCall`, or an injected tool handler. */
  readonly handler: ToolHandler<State>;
  readonly rolloutId: string;
  /** Handed to every tool. */
  readonly state: State;
  /** Handed to every tool. */
  readonly settings?: unknown;
  /** Handed to every tool. Default: none, which says so when it is used. */
  readonly sandbox?: RolloutSandbox;
  readonly sampling?: SamplingParameters;
  /** Of one tool call; a function gives each tool its own. Default 60 s. */
  readonly toolTimeoutMs?: number | ((toolName: string) => number);
  /** How long a model call may take to end after the signal fired. Default 2 s. */
  readonly abortGraceMs?: number;
  /** After each turn, with the messages that it added. A throw ends the run as `environment_error`. */
  readonly onTurn?: (turn: Turn, newMessages: readonly Message[]) => void | Promise<void>;
  /** Asked after each turn that called tools; true ends the run as `environment_done`. */
  readonly isDone?: () => boolean | Promise<boolean>;
  /** Who a sub-agent is, and which call set it off. Default: the main agent. */
  readonly lineage?: Omit<CallLineage, 'callId'>;
  /** A sub-agent's is its rollout's. Default: one of its own, by the settings. */
  readonly share?: RolloutShare;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the backoff. */
  readonly random?: () => number;
  /** Ends the run with what it has; its reason tells `deadline` from `cancelled`. */
  readonly signal?: AbortSignal;
}

/** {@link AgentOptions}, resolved. */
export interface AgentConfig<State> extends ResolvedSettings<State> {
  readonly session: ModelSession;
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  readonly handler: ToolHandler<State>;
  readonly rolloutId: string;
  readonly state: State;
  readonly settings: unknown;
  readonly sandbox: RolloutSandbox;
  readonly sampling: SamplingParameters;
  readonly toolTimeoutMs: (toolName: string) => number;
  readonly abortGraceMs: number;
  readonly onTurn: AgentOptions['onTurn'];
  readonly isDone: AgentOptions['isDone'];
  /** Undefined for the main agent. */
  readonly lineage: AgentOptions['lineage'];
  readonly share: RolloutShare;
  /** The loop, for sub-agents: its own parts can't import it. */
  readonly runAgent: (options: AgentOptions<State>) => Promise<AgentResult>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Fills in the defaults; throws `invalid_input` that names the option. */
export function resolveAgentOptions<State>(
  options: AgentOptions<State>,
  runAgent: AgentConfig<State>['runAgent'],
): AgentConfig<State> {
  const tools = new Map(options.tools.map((tool) => [tool.name, tool]));
  if (tools.size !== options.tools.length) {
    throw invalidInput('tools', 'two tools have one name.', { reason: 'DUPLICATE_TOOL' });
  }
  const { toolTimeoutMs = 60_000 } = options;
  if (typeof toolTimeoutMs === 'number' && !(toolTimeoutMs > 0)) {
    throw invalidInput('toolTimeoutMs', `must be above 0, was ${toolTimeoutMs}.`);
  }
  const resolved = resolveAgentSettings(options);
  const { maxSampledTokens, modelRetries } = resolved;
  return Object.freeze({
    ...resolved,
    session: options.session,
    tools,
    handler: options.handler,
    rolloutId: options.rolloutId,
    state: options.state,
    settings: options.settings,
    sandbox: options.sandbox ?? noSandbox,
    sampling: options.sampling ?? {},
    toolTimeoutMs: typeof toolTimeoutMs === 'number' ? () => toolTimeoutMs : toolTimeoutMs,
    abortGraceMs: options.abortGraceMs ?? 2_000,
    onTurn: options.onTurn,
    isDone: options.isDone,
    lineage: options.lineage,
    share:
      options.share ?? new RolloutShare({ maxSampledTokens, maxModelRetries: modelRetries.max }),
    runAgent,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    signal: options.signal ?? new AbortController().signal,
  });
}
