import type { BatchManifest, NextBatchResponse } from '../../gen/lachesis/v1/batch_service_pb.ts';
import type { ConsumerStanding } from '../broker/index.ts';
import { consumerStandingFromProto } from '../contract/index.ts';
import type { ReceivedBatch } from './batch.ts';
import { cutShort } from './cut-short.ts';
import { PartsReceiver } from './parts-receiver.ts';

/** No batch was to be had in time. */
export interface NoBatch {
  readonly waiting: number;
  readonly needed: number;
  /** True: the run is closed, none will come. */
  readonly closed: boolean;
  /** Other consumers that the next batch waits for, since as many batches are open as may be. */
  readonly heldBackBy: readonly ConsumerStanding[];
}

/** Reads the answer to NextBatch; rejects when it ends before its end frame. `seen` is told of what begins. */
export async function receiveBatch(
  frames: AsyncIterable<NextBatchResponse>,
  rank: number,
  seen: (manifest: BatchManifest) => void = () => {},
): Promise<ReceivedBatch | NoBatch> {
  let received: (ReceivedBatch & { readonly groups: PartsReceiver[] }) | undefined;
  for await (const { frame } of frames) {
    switch (frame.case) {
      case 'manifest': {
        seen(frame.value);
        const groups = frame.value.groups.map((header) => new PartsReceiver(header));
        received = { manifest: frame.value, groups, rank };
        break;
      }
      case 'manifestRest':
        for (const header of frame.value.groups) {
          received?.manifest.groups.push(header);
          received?.groups.push(new PartsReceiver(header));
        }
        for (const row of frame.value.rows) received?.manifest.rows.push(row);
        break;
      case 'chunk':
        if (frame.value.chunk !== undefined) {
          received?.groups[frame.value.groupIndex]?.add(frame.value.chunk);
        }
        break;
      case 'none': {
        const { waiting, needed, closed } = frame.value;
        const heldBackBy = frame.value.heldBackBy.map((one, index) =>
          consumerStandingFromProto(one, `held_back_by[${index}]`),
        );
        return { waiting: Number(waiting), needed: Number(needed), closed, heldBackBy };
      }
      case 'end':
        if (received !== undefined) return received;
    }
  }
  const remedy = 'Ask again; the batch is still yours while its lease holds.';
  throw cutShort('the batch ended before its end frame.', remedy);
}
