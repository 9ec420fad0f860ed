export { seededRandom } from '../random.ts';
export {
  type EnvironmentCheckpoint,
  isUnfinishedCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
export { defineEnvironment } from './define.ts';
export type {
  CheckpointHooks,
  EnvironmentDefinition,
  EpisodeContext,
  FailedRolloutsPolicy,
  HostedEnvironment,
  RewardContext,
  RewardValue,
  TaskInput,
  TaskSource,
  TasksInput,
  ToolsetChance,
} from './environment.ts';
export { type EvaluateOptions, type EvaluationStep, evaluate } from './evaluation/evaluate.ts';
export { MeansOfRollouts, type NamedMean, type RolloutMeans } from './evaluation/named-means.ts';
export { passAtK } from './evaluation/pass-at-k.ts';
export { RunningMean } from './evaluation/running-mean.ts';
export {
  type EvaluationConditions,
  type EvaluationSettings,
  evaluationConditions,
  MAX_EVALUATION_ATTEMPTS,
} from './evaluation/settings.ts';
export type { EvaluationSummary } from './evaluation/summary.ts';
export {
  type HarborOptions,
  type HarborTaskData,
  harborEnvironment,
} from './harbor/harbor-environment.ts';
export { hostEnvironment } from './host.ts';
export { failedRollout } from './play/attempt.ts';
export { firstTryOf } from './play/failed-rollouts.ts';
export { defaultIsolation, type PlayOptions, type RolloutIdentity } from './play/options.ts';
export { type PlayGroupOptions, playGroup } from './play/play-group.ts';
export { playRollout } from './play/play-rollout.ts';
export { rewardTimeoutOf } from './play/reward-timeout.ts';
export { type GroupAdvantageOptions, groupAdvantages } from './reward/advantages.ts';
export { type BestOfOptions, bestOfN } from './reward/best-of-n.ts';
export { finalNumber } from './reward/final-number.ts';
export { type JudgeCall, type JudgeOptions, judge } from './reward/judge.ts';
export {
  type CosineLengthOptions,
  cosineLengthReward,
  linearLengthPenalty,
} from './reward/length-reward.ts';
export { type MathAnswerOptions, markedAnswer, mathEqual } from './reward/math-answer.ts';
export { resolveReward } from './reward/resolve-reward.ts';
export { discountedReturns, stepAdvantages } from './reward/returns.ts';
export { metricsOf } from './reward/reward-metrics.ts';
export { type PlayedTurn, type TurnRewards, turnRewards, turnsOf } from './reward/turn-rewards.ts';
export type { WorkerRewardInput } from './reward/worker/protocol.ts';
export {
  type WorkerReward,
  type WorkerRewardOptions,
  workerReward,
} from './reward/worker/worker-reward.ts';
export { arraySource } from './tasks/array-source.ts';
export { type GeneratedOptions, generated } from './tasks/generated.ts';
export { type JsonlOptions, jsonl } from './tasks/jsonl.ts';
export { type ParquetOptions, parquet } from './tasks/parquet.ts';
export { noTasksOf, tasksOfSplit } from './tasks/split-tasks.ts';
export {
  assignSplits,
  concatTasks,
  filterTasks,
  type MixtureOptions,
  type MixturePart,
  mapTasks,
  mixture,
  type SplitShares,
  shuffleTasks,
  skipTasks,
  splitTasks,
  type TaskPart,
  type TasksLike,
  takeTasks,
} from './tasks/views/index.ts';
export { WeightedTurns } from './weighted-turns.ts';
