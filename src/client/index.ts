/** What a trainer or a tool imports as `lachesis/client`: a client per service, and `connect`. */
export type {
  BatchSize,
  ConsumerStanding,
  DeadLetter,
  RunSettings,
  RunState,
  RunStatus,
} from '../broker/index.ts';
export type { Assignment, Group, LeasedOrder, Outcome, Rollout, Task } from '../contract/index.ts';
export { decodeGroup, encodeGroup } from '../contract/index.ts';
export { LachesisError } from '../errors.ts';
export type { Ledger, Row, Span, VersionRun } from '../tokens/index.ts';
export type { AutoPlayOptions } from './auto-play-options.ts';
export { Batch, type BatchLease, BatchRow, type ReceivedBatch } from './batch.ts';
export { BatchClient, type ConsumerOptions } from './batch-client.ts';
export { BatchConsumer, type NextOptions } from './batch-consumer.ts';
export type { CallOptions } from './call-options.ts';
export { type ConnectOptions, connect, LachesisClient } from './connect.ts';
export {
  type AssignmentInput,
  EnvironmentClient,
  type EvaluateOptions,
  type EvaluationStep,
  type FoundRollout,
  type Started,
  type WatchOptions,
} from './environment-client.ts';
export { lachesisErrorOf } from './error-detail.ts';
export type { AnswerOptions, PlayOptions } from './play.ts';
export { type GenerationsMode, PolicyClient } from './policy-client.ts';
export type {
  GenerateOptions,
  GenerationPiece,
  TrainingRow,
  TrainStepOptions,
  TrainStepResult,
  Weights,
} from './policy-types.ts';
export type { NoBatch } from './receive-batch.ts';
export type { ConnectionChange, ReconnectOptions } from './reconnect.ts';
export { type ReadGroup, RunClient } from './run-client.ts';
export type { EnvironmentShareOptions, RunOptions } from './run-options.ts';
export {
  type RemoteExecEvent,
  type RemoteExecOptions,
  RemoteSandbox,
  SandboxClient,
} from './sandbox-client.ts';
export { ServerClient } from './server-client.ts';
export { SubmitStream, type Submitted } from './submit-stream.ts';
export {
  type FoundTokenFile,
  findTokenFiles,
  type TokenFile,
  tokenDirectory,
} from './token-file.ts';
export {
  type AssignmentName,
  type MissedTurns,
  WorkClient,
  type WorkerCallOptions,
} from './work-client.ts';
