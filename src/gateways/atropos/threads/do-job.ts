import { flawsOf } from '../pushed-logprobs.ts';
import { readPush } from '../read-push.ts';
import { scoredDataText } from '../scored-data-text.ts';
import { storeScoredData } from '../store-scored-data.ts';
import { packData, unpackData } from './packed-data.ts';
import { type Job, type JobResults, type OwnBytes, ownBytes } from './protocol.ts';

/** Characters of JSON that are made into bytes at once. */
const TEXT_CHARACTERS = 1_048_576;

/** What of a result is given away with it. */
export interface DoneJob {
  readonly result: JobResults[Job['kind']];
  readonly transfer: readonly ArrayBuffer[];
}

/** Does a job, in whatever thread this is. */
export function doJob(job: Job): DoneJob {
  switch (job.kind) {
    case 'read': {
      const { digest, groups } = readPush(job.bytes, job.shape, job.limits);
      const packed = groups.map((group) => ({
        sequences: group.tokens.length,
        envId: group.envId,
        flaws: flawsOf(group.inferenceLogprobs, group.masks),
        data: packData(group),
      }));
      return { result: { digest, groups: packed }, transfer: [] };
    }
    case 'store': {
      const { payload, ...index } = storeScoredData(unpackData(job.data), job.as);
      const header = ownBytes(payload.held.header);
      const parts = payload.held.parts.map(ownBytes);
      return { result: { index, header, parts }, transfer: buffersOf([header, ...parts]) };
    }
    case 'write': {
      const text = encoded(scoredDataText(job, () => job.envId));
      return { result: { text }, transfer: buffersOf(text) };
    }
  }
}

function encoded(pieces: Iterable<string>): readonly OwnBytes[] {
  const encoder = new TextEncoder();
  const chunks: OwnBytes[] = [];
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < TEXT_CHARACTERS) continue;
    chunks.push(ownBytes(encoder.encode(text)));
    text = '';
  }
  chunks.push(ownBytes(encoder.encode(text)));
  return chunks;
}

function buffersOf(bytes: readonly OwnBytes[]): readonly ArrayBuffer[] {
  return bytes.map(({ buffer }) => buffer);
}
