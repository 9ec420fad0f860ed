export { type Assignment, rolloutIdOf, rolloutIdsOf, taskKeyOf } from './assignment.ts';
export {
  decodeGroup,
  decodeGroupHeader,
  decodePart,
  decodeRollout,
  decodeRow,
} from './group/decode-group.ts';
export { groupDigest, partDigest } from './group/digest.ts';
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
export {
  agentResultFromProto,
  agentResultToProto,
  stopReasonFromProto,
  stopReasonToProto,
  toolCallMetricsFromProto,
  toolCallMetricsToProto,
  turnFromProto,
  turnToProto,
  usageFromProto,
  usageToProto,
} from './mapping/agent-result.ts';
export {
  assignmentFromProto,
  assignmentToProto,
  limitsFromProto,
  MAX_GROUP_SIZE,
} from './mapping/assignment.ts';
export { batchManifestToProto, batchRowsFromProto } from './mapping/batch.ts';
export { canonicalJson } from './mapping/canonical-json.ts';
export {
  errorDetailToProto,
  errorFromDetail,
  kindOfDetail,
  originOfKind,
} from './mapping/error-detail.ts';
export { assertId, assertOptionalId, assertRunId } from './mapping/ids.ts';
export { ledgerFromProto, ledgerToProto } from './mapping/ledger.ts';
export {
  messageFromProto,
  messagesFromProto,
  messageToProto,
  toolCallFromProto,
  toolCallToProto,
  toolDefinitionFromProto,
  toolDefinitionToProto,
} from './mapping/messages.ts';
export {
  failureFromProto,
  failureOf,
  notScoredToProto,
  outcomeFromProto,
  outcomeToProto,
} from './mapping/outcome.ts';
export { provenanceFromProto, provenanceToProto } from './mapping/provenance.ts';
export { rolloutFromProto, rolloutToProto } from './mapping/rollout.ts';
export { rolloutEventToProto } from './mapping/rollout-event.ts';
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
  msFromTimestamp,
  numberFromInt64,
  timestampFromMs,
} from './mapping/scalars.ts';
export { taskContentHash, taskFromProto, taskToProto } from './mapping/task.ts';
export {
  codecFromProto,
  codecToProto,
  trainingPolicyFromProto,
  trainingPolicyToProto,
} from './mapping/token-enums.ts';
export {
  NO_RENDERING,
  renderingFromProto,
  renderingToProto,
  rowFromProto,
  rowToProto,
  segmentFromProto,
  segmentToProto,
} from './mapping/tokens.ts';
export type {
  Group,
  Outcome,
  Provenance,
  RewardComponent,
  Rollout,
  RolloutFailure,
  RolloutProgress,
} from './rollout.ts';
export {
  ROLLOUT_FILE_SCHEMA,
  type RolloutLine,
  readRolloutLine,
  writeRolloutLine,
} from './rollout-file/index.ts';
export type { Task } from './task.ts';
export { unplayedRollout } from './unplayed-rollout.ts';
