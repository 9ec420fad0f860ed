import { type Clock, systemClock } from '../async/index.ts';
import { invalidInput } from '../errors.ts';
import type { Message, SamplingParameters, ToolDefinition } from '../messages.ts';
import type { CompletionRequest, ModelSession } from '../models/index.ts';
import type { ToolHandler } from '../tools/index.ts';
import type { ArgumentProfile } from './arguments/index.ts';
import type { BeforeToolCall } from './hooks.ts';
import { limitToolCalls } from './limits.ts';
import type { PromptViewProfile } from './prompt-view/index.ts';
import type { Turn } from './result.ts';
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
  readonly sampling?: SamplingParameters;
  /** Of one tool call; a function gives each tool its own. Default 60 s. */
  readonly toolTimeoutMs?: number | ((toolName: string) => number);
  /** How long a model call may take to end after the signal fired. Default 2 s. */
  readonly abortGraceMs?: number;
  /** After each turn, with the messages that it added. A throw ends the run as `environment_error`. */
  readonly onTurn?: (turn: Turn, newMessages: readonly Message[]) => void | Promise<void>;
  /** Asked after each turn that called tools; true ends the run as `environment_done`. */
  readonly isDone?: () => boolean | Promise<boolean>;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the backoff. */
  readonly random?: () => number;
  /** Ends the run with what it has; its reason tells `deadline` from `cancelled`. */
  readonly signal?: AbortSignal;
}

/** {@link AgentOptions}, resolved. */
export interface AgentConfig<State> {
  readonly session: ModelSession;
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  readonly handler: ToolHandler<State>;
  readonly rolloutId: string;
  readonly state: State;
  readonly sampling: SamplingParameters;
  readonly toolChoice: NonNullable<CompletionRequest['toolChoice']> | undefined;
  readonly maxTurns: number;
  readonly toolTimeoutMs: (toolName: string) => number;
  readonly maxParallelToolCalls: number;
  readonly modelRetries: {
    readonly max: number;
    readonly initialMs: number;
    readonly maxMs: number;
  };
  readonly argumentProfile: ArgumentProfile;
  /** Undefined: prompts are whole. */
  readonly contextTokens: number | undefined;
  readonly promptView: PromptViewProfile;
  /** The limits' own first. */
  readonly beforeToolCall: readonly BeforeToolCall<State>[];
  readonly maxSampledTokens: number | undefined;
  readonly abortGraceMs: number;
  readonly onTurn: NonNullable<AgentOptions['onTurn']>;
  readonly isDone: NonNullable<AgentOptions['isDone']>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Fills in the defaults; throws `invalid_input` that names the option. */
export function resolveAgentOptions<State>(options: AgentOptions<State>): AgentConfig<State> {
  const tools = new Map(options.tools.map((tool) => [tool.name, tool]));
  if (tools.size !== options.tools.length) {
    throw invalidInput('tools', 'two tools have one name.', { reason: 'DUPLICATE_TOOL' });
  }
  const { toolTimeoutMs = 60_000, modelRetries: retries = {} } = options;
  if (typeof toolTimeoutMs === 'number' && !(toolTimeoutMs > 0)) {
    throw invalidInput('toolTimeoutMs', `must be above 0, was ${toolTimeoutMs}.`);
  }
  const { contextTokens, limits = {} } = options;
  const { maxSampledTokens, maxToolCalls } = limits;
  if (contextTokens !== undefined) wholeNumber('contextTokens', contextTokens, 1);
  if (maxSampledTokens !== undefined) wholeNumber('limits.maxSampledTokens', maxSampledTokens, 1);
  if (maxToolCalls !== undefined) wholeNumber('limits.maxToolCalls', maxToolCalls, 0);
  return Object.freeze({
    session: options.session,
    tools,
    handler: options.handler,
    rolloutId: options.rolloutId,
    state: options.state,
    sampling: options.sampling ?? {},
    toolChoice: options.toolChoice,
    maxTurns: wholeNumber('maxTurns', options.maxTurns ?? 30, 0),
    toolTimeoutMs: typeof toolTimeoutMs === 'number' ? () => toolTimeoutMs : toolTimeoutMs,
    maxParallelToolCalls: wholeNumber('maxParallelToolCalls', options.maxParallelToolCalls ?? 8, 1),
    modelRetries: Object.freeze({
      max: wholeNumber('modelRetries.max', retries.max ?? 4, 0),
      initialMs: retries.backoff?.initialMs ?? 500,
      maxMs: retries.backoff?.maxMs ?? 10_000,
    }),
    argumentProfile: profile('argumentProfile', options.argumentProfile),
    contextTokens,
    promptView: profile('promptView', options.promptView),
    beforeToolCall: Object.freeze([
      ...(maxToolCalls === undefined ? [] : [limitToolCalls(maxToolCalls)]),
      ...(options.hooks?.beforeToolCall ?? []),
    ]),
    maxSampledTokens,
    abortGraceMs: options.abortGraceMs ?? 2_000,
    onTurn: options.onTurn ?? (() => {}),
    isDone: options.isDone ?? (() => false),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    signal: options.signal ?? new AbortController().signal,
  });
}

function wholeNumber(field: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw invalidInput(field, `must be a whole number of at least ${least}, was ${value}.`);
}

function profile(field: string, value: 'safe' | 'seed' = 'safe'): 'safe' | 'seed' {
  if (value === 'safe' || value === 'seed') return value;
  throw invalidInput(field, `must be 'safe' or 'seed', was ${String(value)}.`);
}
