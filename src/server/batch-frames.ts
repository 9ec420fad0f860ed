import { setImmediate as nextTurn } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import {
  type BatchChunk,
  type NextBatchRequest,
  type NextBatchResponse,
  NextBatchResponseSchema,
} from '../../gen/lachesis/v1/batch_service_pb.ts';
import { GroupPartKind } from '../../gen/lachesis/v1/group_pb.ts';
import type { Batch } from '../broker/index.ts';
import {
  batchManifestToProto,
  decodeGroupHeader,
  type ManifestFrames,
  type SizedHeader,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import { chunksOfGroup } from './group-chunks.ts';

/** Headers that are read and decoded before others have a turn of the event loop. */
const HEADERS_PER_TURN = 256;
/** Left for the message around a manifest. */
const ROOM_BYTES = 65_536;
const MAX_WHOLE_BYTES = WIRE_LIMITS.maxResponseMessageBytes - ROOM_BYTES;

/** The headers of a batch's groups, as they were submitted. */
export async function headersOf(
  batch: Pick<Batch, 'groups'>,
  signal: AbortSignal,
): Promise<readonly SizedHeader[]> {
  const headers: SizedHeader[] = [];
  for (let from = 0; from < batch.groups.length; from += HEADERS_PER_TURN) {
    if (from > 0) await nextTurn();
    signal.throwIfAborted();
    const groups = batch.groups.slice(from, from + HEADERS_PER_TURN);
    const read = await Promise.all(groups.map(({ payload }) => payload.header({ signal })));
    for (const bytes of read) {
      headers.push({ header: decodeGroupHeader(bytes), bytes: bytes.byteLength });
    }
  }
  return headers;
}

/**
 * The manifest of a batch: in frames no larger than chunks for a client that joins them, else in one.
 * Throws where one message can't hold it, which would end the stream without a word.
 */
export function manifestFrames(
  batch: Batch,
  headers: readonly SizedHeader[],
  { splitManifest }: Pick<NextBatchRequest, 'splitManifest'>,
): ManifestFrames {
  const maxBytes = splitManifest ? WIRE_LIMITS.maxChunkBytes : MAX_WHOLE_BYTES;
  const frames = batchManifestToProto(batch, headers, maxBytes);
  if (splitManifest || frames.rest.length === 0) return frames;
  throw new LachesisError(
    'failed_precondition',
    `The manifest of ${batch.id}, of ${headers.length} groups and ${batch.rows.length} rows, is more than ${MAX_WHOLE_BYTES} bytes, and this client did not say that it joins one of several frames.`,
    {
      reason: 'MANIFEST_TOO_LARGE',
      remedy:
        'Set split_manifest in NextBatch and append each manifest_rest to the manifest, as the clients of this release do; or open the run with smaller batches.',
      field: 'split_manifest',
    },
  );
}

/** The rank's own rows, and the transcripts when asked for: the very bytes that were submitted. */
export async function* framesOf(
  batch: Batch,
  headers: readonly SizedHeader[],
  { manifest, rest }: ManifestFrames,
  { rank, includeRollouts }: Pick<NextBatchRequest, 'rank' | 'includeRollouts'>,
  signal: AbortSignal,
): AsyncGenerator<NextBatchResponse> {
  yield create(NextBatchResponseSchema, { frame: { case: 'manifest', value: manifest } });
  for (const value of rest) {
    await nextTurn();
    yield create(NextBatchResponseSchema, { frame: { case: 'manifestRest', value } });
  }
  const mine = batch.groups.map(() => new Set<number>());
  for (const row of batch.rows) {
    if (row.rank === rank) mine[row.groupIndex]?.add(row.partIndex);
  }
  for (const [groupIndex, group] of batch.groups.entries()) {
    const parts = headers[groupIndex]?.header.parts ?? [];
    const wanted = (index: number): boolean =>
      mine[groupIndex]?.has(index) === true ||
      (includeRollouts && parts[index]?.kind === GroupPartKind.ROLLOUT);
    for await (const chunk of chunksOfGroup(group, { wanted, signal })) {
      const value: BatchChunk = { $typeName: 'lachesis.v1.BatchChunk', groupIndex, chunk };
      yield { $typeName: 'lachesis.v1.NextBatchResponse', frame: { case: 'chunk', value } };
    }
  }
  yield create(NextBatchResponseSchema, { frame: { case: 'end', value: {} } });
}
