import type { AgentResult, AgentSettings } from '../agent/index.ts';
import type { Rollout, Task } from '../contract/index.ts';
import type { JsonObject, JsonValue, Message, SamplingParameters } from '../messages.ts';
import type {
  IsolationLevel,
  IsolationRule,
  RolloutSandbox,
  SandboxBackend,
  SandboxPool,
  SandboxSpec,
} from '../sandbox/index.ts';
import type { AnyTool, StandardSchema, ToolRegistry } from '../tools/index.ts';
import type { EvaluationSettings } from './evaluation/settings.ts';

/** Where tasks come from; finite or endless, and always readable again from a cursor. */
export interface TaskSource<Data = JsonValue> {
  /** Undefined when endless or unknown. */
  readonly count: number | undefined;
  /** Yields tasks in a fixed order, starting at position `from` (0-based). */
  tasks(options?: {
    readonly from?: number;
    readonly signal?: AbortSignal;
  }): AsyncIterable<Task<Data>>;
  /** By key, or undefined. */
  get(key: string): Promise<Task<Data> | undefined>;
  /** The task at a position, without reading those before it; absent where that can't be had. */
  at?(position: number): Promise<Task<Data> | undefined>;
  /** Called when the environment is hosted: the place to find what is missing or broken. */
  prepare?(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** What an environment's functions are given when an episode begins. */
export interface EpisodeContext<Settings = unknown> {
  readonly settings: Settings;
  readonly rolloutId: string;
  /** Uniform in [0, 1); seeded when the assignment has a seed. */
  readonly random: () => number;
  /** The rollout's own, where the environment asks for one. */
  readonly sandbox: RolloutSandbox;
  readonly signal: AbortSignal;
}

/** What a reward function is given. */
export interface RewardContext<Data = unknown, State = unknown, Settings = unknown> {
  readonly task: Task<Data>;
  readonly state: State;
  readonly settings: Settings;
  readonly result: AgentResult;
  /** The text of the last assistant message; empty when there is none. */
  readonly finalText: string;
  /** The rollout's own, as the agent left it, without the limits that tools put on a model. */
  readonly sandbox: RolloutSandbox;
  /** A fresh one that the agent never saw, for a verifier; ended when the reward has. Default: of the same spec. */
  readonly openSandbox: (spec?: SandboxSpec) => Promise<RolloutSandbox>;
  readonly signal: AbortSignal;
}

/** A number, alone or with more to say, or named weighted components, or "can't be scored" with its reason. */
export type RewardValue =
  | number
  | (RewardNotes & { readonly value: number })
  | (RewardNotes & {
      readonly components: readonly {
        readonly name: string;
        readonly value: number;
        /** Default: 1. */
        readonly weight?: number;
        /** Declared least and most; a value outside is the environment's mistake, and the rollout not scored. */
        readonly range?: readonly [min: number, max: number];
      }[];
    })
  | { readonly notScored: string; readonly metrics?: Readonly<Record<string, number>> };

/** What a reward may say beside the total. */
export interface RewardNotes {
  /** What each turn earned by itself, one per turn; kept beside the total, and not added to it. */
  readonly turnRewards?: ArrayLike<number>;
  /**
   * Numbers that are kept with the rollout, at most 256, with names of at most 256 characters; one that
   * is not finite, and what is more than that, is left out, with one warning.
   */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What becomes of a group when rollouts of it can't be scored. */
export interface FailedRolloutsPolicy {
  /** Times that a failed rollout is played again, each under a new id: `<id>+1`, `<id>+2`. Default: 0. */
  readonly retry?: number;
  /** With fewer scored rollouts than this, none of the group counts as scored. Default: 0. */
  readonly quorum?: number;
  /** The reward of a rollout whose commands ended its own sandbox. Default: it is not scored. */
  readonly endedSandboxReward?: number;
}

/** Saves and loads what an environment keeps across groups, such as a curriculum's progress. */
export interface CheckpointHooks {
  readonly save: () => JsonValue | Promise<JsonValue>;
  /** Before the tasks are opened, when the environment is hosted with a checkpoint. */
  readonly load: (state: JsonValue) => void | Promise<void>;
}

/** The sandbox that each rollout of an environment is given for itself. */
export interface SandboxRequirement extends SandboxSpec {
  /** It is refused where its commands would be kept less far from the host. Default: `namespace`. */
  readonly minimumIsolation?: IsolationLevel;
}

/** Tools that are offered together, and how likely. */
export interface ToolsetChance {
  /** Their names. */
  readonly tools: readonly string[];
  /** 0 to 1. */
  readonly chance: number;
}

/** What `defineEnvironment` takes. */
// biome-ignore lint/suspicious/noExplicitAny: an environment of any task, state and settings types is hosted alike
export interface EnvironmentDefinition<Data = any, State = any, Settings = any> {
  readonly name: string;
  readonly version?: string;
  /** Of the reward, when it changes apart from the environment. */
  readonly verifierVersion?: string;
  readonly description?: string;
  /** Any Standard Schema that can say its JSON Schema; settings are validated when the environment is hosted. */
  readonly settings?: StandardSchema<Settings>;
  /** An array, a source, or a function of the settings that makes one. */
  readonly tasks: TasksInput<Data, Settings>;
  readonly tools?: readonly AnyTool[];
  /**
   * Offers each group some of the tools: every set by its own chance, drawn once for the group, and at least
   * one. Tools that are in no set are always offered. Default: all tools.
   */
  readonly toolsets?: Readonly<Record<string, ToolsetChance>>;
  /**
   * Asks for a sandbox for each rollout: `{}` takes whatever its host has. A function says what each task needs.
   * It is leased before `setup` and given back after `teardown`.
   */
  readonly sandbox?:
    | SandboxRequirement
    | ((
        task: Task<Data>,
        episode: {
          readonly settings: Settings;
          /** What it will be made by, so that only what that can hold to is asked for. */
          readonly backend: Pick<SandboxBackend, 'name' | 'capabilities'>;
        },
      ) => SandboxRequirement | Promise<SandboxRequirement>);
  readonly systemPrompt?: string;
  /** The first user message, or the whole opening conversation. */
  readonly prompt: (
    task: Task<Data>,
    episode: { readonly state: State; readonly settings: Settings },
  ) => string | readonly Message[] | Promise<string | readonly Message[]>;
  /** Makes a rollout's own state; runs before `prompt`. */
  readonly setup?: (task: Task<Data>, context: EpisodeContext<Settings>) => State | Promise<State>;
  /** Asked after each turn that called tools; true ends the episode, as when a game is over. */
  readonly isDone?: (episode: {
    readonly task: Task<Data>;
    readonly state: State;
    readonly settings: Settings;
  }) => boolean | Promise<boolean>;
  /** Scores one finished rollout; not called for a failed one. */
  readonly reward: (
    context: RewardContext<Data, State, Settings>,
  ) => RewardValue | Promise<RewardValue>;
  /** Runs at the end of every episode that `setup` began, also after a failure. */
  readonly teardown?: (state: State) => void | Promise<void>;
  /** Rewrites the rewards of a whole group, in index order; failed rollouts are not in it. */
  readonly groupReward?: (
    rollouts: readonly Rollout[],
  ) => readonly number[] | Promise<readonly number[]>;
  /**
   * Tasks to be played before new ones, given a group with a reward: a game's next position, a question
   * that nobody solved. Asked for groups of a run; at most 64 each, of its run, size and sampling.
   */
  readonly backlog?: (group: {
    readonly task: Task<Data>;
    /** In index order, those that failed included. */
    readonly rollouts: readonly Rollout[];
    readonly settings: Settings;
  }) => readonly TaskInput<Data>[] | Promise<readonly TaskInput<Data>[]>;
  /** State of the environment itself; a rollout's own is made by `setup`. */
  readonly checkpoint?: CheckpointHooks;
  /**
   * Gives back what the environment holds beyond a rollout: connections, worker threads, temporary
   * folders. Called once for each time it was hosted, when that is disposed of; 10 s at most.
   */
  readonly close?: (episode: { readonly settings: Settings }) => void | PromiseLike<void>;
  /** Of a group; a rollout that is played alone is never played again. */
  readonly failedRollouts?: FailedRolloutsPolicy;
  /**
   * A transcript that earns full marks: the final answer, or every message after the prompt.
   * `lachesis validate` scores it; nothing else reads it.
   */
  readonly solution?: (
    task: Task<Data>,
    episode: { readonly state: State; readonly settings: Settings },
  ) => string | readonly Message[] | Promise<string | readonly Message[]>;
  /** How its agents play; `maxTurns` here yields to the one below. */
  readonly agent?: AgentSettings<NoInfer<State>>;
  /** Most model calls that count as a turn. Default 30. */
  readonly maxTurns?: number;
  readonly sampling?: SamplingParameters;
  /** What evaluations do unless they are asked for something else; nothing else reads it. */
  readonly evaluation?: EvaluationSettings;
  /** Wall time of one rollout. Default 10 minutes. */
  readonly timeoutMs?: number;
  /** Of one tool call. Default 60 s. */
  readonly toolTimeoutMs?: number;
  /** Of the reward function. Default 60 s. */
  readonly rewardTimeoutMs?: number;
}

export type TasksInput<Data, Settings> =
  | readonly TaskInput<Data>[]
  | TaskSource<Data>
  | ((
      settings: Settings,
    ) =>
      | readonly TaskInput<Data>[]
      | TaskSource<Data>
      | Promise<readonly TaskInput<Data>[] | TaskSource<Data>>);

/** A task as an author writes it: the key may be left out (then it is the position), and so may the split. */
export interface TaskInput<Data> {
  readonly key?: string;
  readonly split?: string;
  readonly data: Data;
}

/**
 * An environment with its settings resolved, ready to be played. Two with different settings share a
 * server. Whoever hosted it disposes of it when nothing plays it any more: that calls the definition's
 * `close`, once, however often and of whichever copy it is asked. Every asking rejects with an
 * environment_error when `close` threw (CLOSE_THREW) or had not ended after 10 s (CLOSE_TIMEOUT).
 */
export interface HostedEnvironment extends AsyncDisposable {
  readonly definition: EnvironmentDefinition;
  readonly name: string;
  readonly settings: unknown;
  readonly settingsJson: JsonObject;
  /** Undefined when it has no settings. */
  readonly settingsJsonSchema: JsonObject | undefined;
  readonly tasks: TaskSource;
  readonly tools: ToolRegistry;
  /** Where its rollouts' sandboxes come from; its host's, who closes it. Undefined when it asks for none. */
  readonly sandboxes: SandboxPool | undefined;
  /** What its host says of isolation. Default: at least `namespace`, or what the environment says. */
  readonly isolation?: IsolationRule | undefined;
  /** Of a command in a rollout's shell that names no time, as its host says. */
  readonly commandTimeoutMs?: number | undefined;
}
