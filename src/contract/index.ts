export { type Assignment, rolloutIdOf, rolloutIdsOf, taskKeyOf } from './assignment.ts';
export { isLogprob } from './group/check-rows.ts';
export {
  decodeGroup,
  decodeGroupHeader,
  decodePart,
  decodeRollout,
  decodeRow,
} from './group/decode-group.ts';
export { groupDigest, partDigest } from './group/digest.ts';
export { disagreements } from './group/disagreements.ts';
export {
  type EncodedGroup,
  encodeGroup,
  encodeSettled,
  type GroupEncoding,
} from './group/encode-group.ts';
export {
  type DroppedRollout,
  type GroupPolicy,
  NO_RUN_POLICY,
  type SettledGroup,
  type SettledRollout,
  settleGroup,
  settleRollout,
} from './group/settle-group.ts';
export { toStoredGroup } from './group/stored-group.ts';
export { type ValidatedGroup, validateGroup, validateGroupHeader } from './group/validate-group.ts';
export { stopReasonToProto } from './mapping/agent-result.ts';
export {
  assignmentFromProto,
  assignmentToProto,
  limitsFromProto,
} from './mapping/assignment.ts';
export {
  batchManifestToProto,
  batchRowsFromProto,
  type ManifestFrames,
  type SizedHeader,
} from './mapping/batch.ts';
export { canonicalJson } from './mapping/canonical-json.ts';
export { consumerStandingFromProto, consumerStandingToProto } from './mapping/consumer-standing.ts';
export {
  errorDetailToProto,
  errorFromDetail,
} from './mapping/error-detail.ts';
export { assertId, assertOptionalId, assertRunId } from './mapping/ids.ts';
export {
  deadLetterFromProto,
  deadLetterToProto,
  type LeasedOrder,
  leasedOrderFromProto,
  leasedOrderToProto,
} from './mapping/leased-assignment.ts';
export { bucketName, ledgerFromProto, ledgerToProto } from './mapping/ledger.ts';
export {
  messageFromProto,
  messagesFromProto,
  messageToProto,
  toolDefinitionFromProto,
  toolDefinitionToProto,
} from './mapping/messages.ts';
export { failureOf } from './mapping/outcome.ts';
export { rolloutFromProto, rolloutToProto } from './mapping/rollout.ts';
export { rolloutProgressFromProto } from './mapping/rollout-event.ts';
export {
  runFromProto,
  runSettingsFromProto,
  runSettingsToProto,
  runStatusFromProto,
  runStatusToProto,
  runToProto,
} from './mapping/run.ts';
export { samplingFromProto, samplingToProto } from './mapping/sampling.ts';
export {
  countFromInt64,
  durationFromMs,
  int64FromNumber,
  msFromDuration,
  numberFromInt64,
  timestampFromMs,
} from './mapping/scalars.ts';
export { taskContentHash, taskFromProto, taskToProto } from './mapping/task.ts';
export {
  NO_RENDERING,
  rowFromProto,
  rowToProto,
  segmentFromProto,
  segmentToProto,
} from './mapping/tokens.ts';
export { messageBytes } from './message-bytes.ts';
export {
  type Group,
  type Outcome,
  type Provenance,
  type RewardComponent,
  ROLLOUT_CANCELLED,
  type Rollout,
  type RolloutFailure,
  type RolloutProgress,
  type SandboxUse,
} from './rollout.ts';
export {
  type RolloutLine,
  readRolloutLine,
  writeRolloutLine,
} from './rollout-file/index.ts';
export { sendableEvent } from './sendable-event.ts';
export type { Task } from './task.ts';
export { unplayedRollout } from './unplayed-rollout.ts';
