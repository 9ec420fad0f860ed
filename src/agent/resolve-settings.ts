import { invalidInput, LachesisError } from '../errors.ts';
import type { ArgumentProfile } from './arguments/index.ts';
import type { AfterToolCall, AfterToolCalls, AgentHooks, BeforeToolCall } from './hooks.ts';
import { type AgentLimits, limitToolCalls } from './limits.ts';
import { DROPPED_NOTE, type PromptViewProfile } from './prompt-view/index.ts';
import type { AgentSettings, ModelRetryOptions } from './settings.ts';

/** {@link AgentSettings}, resolved. */
export interface ResolvedSettings<State> {
  readonly maxTurns: number;
  /** Undefined: prompts are whole. */
  readonly contextTokens: number | undefined;
  readonly promptView: PromptViewProfile;
  readonly droppedNote: string;
  readonly argumentProfile: ArgumentProfile;
  readonly modelRetries: {
    readonly max: number;
    readonly initialMs: number;
    readonly maxMs: number;
  };
  readonly maxParallelToolCalls: number;
  readonly toolChoice: AgentSettings['toolChoice'] | undefined;
  /** The limits' own first; `limitHooks` is how many they are. */
  readonly beforeToolCall: readonly BeforeToolCall<State>[];
  readonly limitHooks: number;
  readonly afterToolCall: readonly AfterToolCall<State>[];
  readonly afterToolCalls: readonly AfterToolCalls<State>[];
  readonly maxSampledTokens: number | undefined;
  /** Of every tool message, whoever wrote its text. */
  readonly maxResultCharacters: number | undefined;
}

const TOOL_CHOICES: readonly unknown[] = ['auto', 'none', 'required', undefined];
type KeysOf<Options> = Readonly<Record<keyof Options, true>>;

const SETTINGS: KeysOf<AgentSettings> = Object.freeze({
  argumentProfile: true,
  contextTokens: true,
  droppedNote: true,
  hooks: true,
  limits: true,
  maxParallelToolCalls: true,
  maxTurns: true,
  modelRetries: true,
  promptView: true,
  toolChoice: true,
});
const HOOKS: KeysOf<AgentHooks> = Object.freeze({
  afterToolCall: true,
  afterToolCalls: true,
  beforeToolCall: true,
});
const LIMITS: KeysOf<AgentLimits> = Object.freeze({
  maxResultCharacters: true,
  maxSampledTokens: true,
  maxToolCalls: true,
});
const RETRIES: KeysOf<ModelRetryOptions> = Object.freeze({ backoff: true, max: true });
const BACKOFF: KeysOf<NonNullable<ModelRetryOptions['backoff']>> = Object.freeze({
  initialMs: true,
  maxMs: true,
});

/** Throws the `invalid_input` that {@link resolveAgentSettings} would, and for keys that are none. */
export function checkAgentSettings<State>(settings: AgentSettings<State>): void {
  checkKeys('', settings, SETTINGS);
  const { hooks, limits, modelRetries } = settings;
  checkKeys('hooks', hooks, HOOKS);
  checkKeys('limits', limits, LIMITS);
  checkKeys('modelRetries', modelRetries, RETRIES);
  checkKeys('modelRetries.backoff', modelRetries?.backoff, BACKOFF);
  resolveAgentSettings(settings);
}

function checkKeys(field: string, given: unknown, known: Readonly<Record<string, true>>): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const remedy = `It may have: ${Object.keys(known).join(', ')}.`;
    if (field !== '') throw invalidInput(field, 'must be an object.', { remedy });
    throw new LachesisError('invalid_input', `The settings must be an object. ${remedy}`, {
      reason: 'INVALID_FIELD',
    });
  }
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(known, key));
  if (unknown === undefined) return;
  const remedy = `Known are ${Object.keys(known).join(', ')}.`;
  const path = field === '' ? unknown : `${field}.${unknown}`;
  throw invalidInput(path, 'is no agent setting.', { reason: 'UNKNOWN_SETTING', remedy });
}

/** Fills in the defaults; throws `invalid_input` that names the setting. */
export function resolveAgentSettings<State>(
  settings: AgentSettings<State>,
): ResolvedSettings<State> {
  const { contextTokens, hooks = {}, limits = {}, modelRetries: retries = {} } = settings;
  const { maxResultCharacters, maxSampledTokens, maxToolCalls } = limits;
  if (contextTokens !== undefined) wholeNumber('contextTokens', contextTokens, 1);
  if (maxSampledTokens !== undefined) wholeNumber('limits.maxSampledTokens', maxSampledTokens, 1);
  if (maxToolCalls !== undefined) wholeNumber('limits.maxToolCalls', maxToolCalls, 0);
  if (maxResultCharacters !== undefined) {
    wholeNumber('limits.maxResultCharacters', maxResultCharacters, 1);
  }
  const beforeToolCall = hookList('hooks.beforeToolCall', hooks.beforeToolCall);
  const afterToolCall = hookList('hooks.afterToolCall', hooks.afterToolCall);
  const afterToolCalls = hookList('hooks.afterToolCalls', hooks.afterToolCalls);
  if (!TOOL_CHOICES.includes(settings.toolChoice)) {
    throw invalidInput(
      'toolChoice',
      `must be auto, none or required, was ${String(settings.toolChoice)}.`,
    );
  }
  const limitHooks = maxToolCalls === undefined ? [] : [limitToolCalls(maxToolCalls)];
  return Object.freeze({
    maxTurns: wholeNumber('maxTurns', settings.maxTurns ?? 30, 0),
    contextTokens,
    droppedNote: noteText(settings.droppedNote),
    promptView: profile('promptView', settings.promptView),
    argumentProfile: profile('argumentProfile', settings.argumentProfile),
    modelRetries: Object.freeze({
      max: wholeNumber('modelRetries.max', retries.max ?? 4, 0),
      initialMs: milliseconds('modelRetries.backoff.initialMs', retries.backoff?.initialMs ?? 500),
      maxMs: milliseconds('modelRetries.backoff.maxMs', retries.backoff?.maxMs ?? 10_000),
    }),
    maxParallelToolCalls: wholeNumber(
      'maxParallelToolCalls',
      settings.maxParallelToolCalls ?? 8,
      1,
    ),
    toolChoice: settings.toolChoice,
    beforeToolCall: Object.freeze([...limitHooks, ...beforeToolCall]),
    limitHooks: limitHooks.length,
    afterToolCall: Object.freeze([...afterToolCall]),
    afterToolCalls: Object.freeze([...afterToolCalls]),
    maxSampledTokens,
    maxResultCharacters,
  });
}

function hookList<Hook>(field: string, hooks: readonly Hook[] = []): readonly Hook[] {
  if (Array.isArray(hooks) && hooks.every((hook) => typeof hook === 'function')) return hooks;
  throw invalidInput(field, 'must be a list of functions.');
}

function wholeNumber(field: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw invalidInput(field, `must be a whole number of at least ${least}, was ${String(value)}.`);
}

function milliseconds(field: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw invalidInput(field, `must be a number of at least 0, was ${String(value)}.`);
}

function noteText(note: unknown = DROPPED_NOTE): string {
  if (typeof note === 'string') return note;
  throw invalidInput('droppedNote', `must be a text, was ${String(note)}.`);
}

function profile(field: string, value: 'safe' | 'seed' = 'safe'): 'safe' | 'seed' {
  if (value === 'safe' || value === 'seed') return value;
  throw invalidInput(field, `must be safe or seed, was ${String(value)}.`);
}
