import { type GroupHeader, GroupPartKind } from '../../../gen/lachesis/v1/group_pb.ts';
import { heldPayload, type SubmittedGroup } from '../../broker/index.ts';
import { checkHeaderBytes } from './check-header-bytes.ts';
import { validateGroup } from './validate-group.ts';

/** Checks a group as it came and indexes it for the broker; the bytes themselves are kept as they are. */
export function toStoredGroup(
  header: GroupHeader,
  headerBytes: Uint8Array,
  parts: readonly Uint8Array[],
): SubmittedGroup {
  checkHeaderBytes(header, headerBytes.length);
  const { ledger, digest } = validateGroup(header, parts);
  return {
    id: header.groupId,
    runId: header.runId,
    environment: header.environment,
    taskKey: header.taskKey,
    rows: header.parts.flatMap((part, partIndex) =>
      part.kind === GroupPartKind.ROW
        ? [
            {
              partIndex,
              tokens: part.tokens,
              sampledTokens: part.sampledTokens,
              trainedTokens: part.trainedTokens,
            },
          ]
        : [],
    ),
    rewards: header.rollouts.map(({ reward }) => reward),
    oldestPolicyVersion:
      header.oldestPolicyVersion === undefined ? undefined : Number(header.oldestPolicyVersion),
    ledger,
    payload: heldPayload(headerBytes, parts),
    digest,
  };
}
