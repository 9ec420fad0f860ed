import { LachesisError } from '../errors.ts';
import type { Delivery, LeaseKey } from './delivery.ts';
import type { ConsumerStanding } from './run-detail.ts';

export function consumerNotRegistered(consumerId: string): LachesisError {
  return new LachesisError('not_found', `The run has no consumer "${consumerId}".`, {
    reason: 'CONSUMER_NOT_REGISTERED',
    remedy: 'Register it first.',
    metadata: { consumer_id: consumerId },
  });
}

export function consumerUnregistered(consumerId: string, step: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Consumer "${consumerId}" was taken out of the run, at step ${step}; it holds nothing, and nothing is kept for it.`,
    {
      reason: 'CONSUMER_UNREGISTERED',
      remedy:
        'Register it with `rejoin`: it gets the batches that are open then and all that are cut later. Or register under another id.',
      field: 'consumer_id',
      metadata: { consumer_id: consumerId, step: String(step) },
    },
  );
}

export function consumerModeDiffers(consumerId: string, mode: string): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Consumer "${consumerId}" is registered already, as ${mode}.`,
    {
      reason: 'CONSUMER_MODE_DIFFERS',
      remedy: 'Register under another id.',
      field: 'mode',
      metadata: { consumer_id: consumerId },
    },
  );
}

export function consumerHoldsBatch(
  consumerId: string,
  worldSize: number,
  batchId: string,
): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Consumer "${consumerId}" holds batch "${batchId}" on ${worldSize} ranks.`,
    {
      reason: 'CONSUMER_HOLDS_BATCH',
      remedy:
        'Ack it on all of its ranks or nack it, or wait until its lease is over; then register with the new world size.',
      field: 'world_size',
      metadata: { consumer_id: consumerId, batch_id: batchId, world_size: String(worldSize) },
    },
  );
}

export function batchNotFound(id: string): LachesisError {
  return new LachesisError('not_found', `The run has no batch "${id}".`, {
    reason: 'BATCH_NOT_FOUND',
    metadata: { batch_id: id },
  });
}

/** `current` is what of the batch is out in the consumer's lane, if it is open there. */
export function staleBatchLease(key: LeaseKey, current: Delivery | undefined): LachesisError {
  const { batchId, consumerId, delivery = 0 } = key;
  const holder = current !== undefined && 'holder' in current ? current.holder : '';
  const said = delivery === 0 ? '' : ` in delivery ${delivery}`;
  const now =
    holder === ''
      ? ''
      : `: ${current?.kind === 'done' ? 'done by' : 'now with'} "${holder}", delivery ${current?.deliveries}`;
  return new LachesisError(
    'aborted',
    `Consumer "${consumerId}" does not hold batch "${batchId}"${said} (any more)${now}.`,
    {
      reason: 'STALE_LEASE',
      remedy: 'Ask for the next batch.',
      metadata: {
        batch_id: batchId,
        consumer_id: consumerId,
        ...(holder !== '' && { holder }),
        ...(current !== undefined && { delivery: String(current.deliveries) }),
      },
    },
  );
}

export function batchGivenUp(id: string): LachesisError {
  return new LachesisError(
    'aborted',
    `Batch "${id}" was given up: what the store holds of it is damaged, so that it can't come again.`,
    {
      reason: 'BATCH_GIVEN_UP',
      remedy: 'Leave it out, on all ranks, and ask for the next batch.',
      metadata: { batch_id: id, cause: 'damaged' },
    },
  );
}

export function stepNotAcked(step: number, acked: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Step ${step} is not done; the last one is ${acked}.`,
    {
      reason: 'STEP_NOT_ACKED',
      remedy: 'Give the step of the last batch that all ranks acked, or an earlier one.',
      field: 'step',
      metadata: { step: String(acked) },
    },
  );
}

export function stepNotKept(
  what: 'commit' | 'rewind',
  step: number,
  missing: number,
): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The batches after step ${step} are not all kept: step ${missing} was let go.`,
    {
      reason: 'STEP_NOT_KEPT',
      remedy:
        what === 'commit'
          ? `Commit step ${missing} or a later one: a first commit is of a step that can still be gone back to.`
          : 'Go back to a later checkpoint. What a consumer commits is the step that it can always go back to.',
      field: 'step',
      metadata: { oldest_step: String(missing) },
    },
  );
}

/** Consumers that are named. */
const MOST_NAMED = 8;

export function commitNeeded(
  max: number,
  committed: number,
  heldBackBy: readonly ConsumerStanding[],
): LachesisError {
  const behind = heldBackBy.filter(({ holdsBack }) => holdsBack === 'commit');
  const ids = behind.map(({ consumerId }) => consumerId);
  return new LachesisError(
    'resource_exhausted',
    `${max} batches are acked since step ${committed}, the last one committed, and kept for going back to it${held(behind)}.`,
    {
      reason: 'COMMIT_NEEDED',
      remedy:
        'Commit the step of its newest checkpoint, or take a consumer that is gone for good out of the run: `lachesis run drop-consumer RUN CONSUMER`, or UnregisterConsumer.',
      metadata: {
        step: String(committed),
        consumers: ids.slice(0, MOST_NAMED).join(','),
        ...(behind[0] !== undefined && { batches: String(behind[0].keptBatches) }),
        ...(behind[0]?.oldestMs !== undefined && {
          oldest_ms: String(Math.round(behind[0].oldestMs)),
        }),
      },
    },
  );
}

/** `: for "a" (1,024 batches, the oldest cut 3 s ago)`; empty for nobody. */
function held(behind: readonly ConsumerStanding[]): string {
  const named = behind.slice(0, MOST_NAMED).map(({ consumerId, keptBatches, oldestMs }) => {
    const since =
      oldestMs === undefined ? '' : `, the oldest cut ${Math.round(oldestMs / 1_000)} s ago`;
    return `"${consumerId}" (${keptBatches} batches${since})`;
  });
  if (behind.length > MOST_NAMED) named.push(`${behind.length - MOST_NAMED} more`);
  return named.length === 0 ? '' : `: for ${named.join(', ')}`;
}
