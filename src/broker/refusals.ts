import { LachesisError } from '../errors.ts';

export function brokerClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The broker is closed.', {
    reason: 'BROKER_CLOSED',
    remedy: 'Connect to a server that is running.',
  });
}

export function runNotFound(runId: string): LachesisError {
  return new LachesisError('not_found', `There is no run "${runId}".`, {
    reason: 'RUN_NOT_FOUND',
    remedy: 'Open it first.',
    field: 'run_id',
    metadata: { run_id: runId },
  });
}

export function runClosed(runId: string): LachesisError {
  return new LachesisError('failed_precondition', `Run "${runId}" is closed.`, {
    reason: 'RUN_CLOSED',
    remedy: 'Open a run with another id.',
    metadata: { run_id: runId },
  });
}

export function settingsDiffer(runId: string, names: readonly string[]): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Run "${runId}" exists with other settings (${names.join(', ')}).`,
    {
      reason: 'RUN_SETTINGS_DIFFER',
      remedy: 'Open it with the settings it has, or choose another id.',
      metadata: { run_id: runId, settings: names.join(',') },
    },
  );
}

export function foreignEnvironment(
  runId: string,
  environment: string,
  allowed: readonly string[],
): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Run "${runId}" takes no groups of environment "${environment}".`,
    {
      reason: 'ENVIRONMENT_NOT_IN_RUN',
      remedy: `It was opened for: ${allowed.join(', ')}.`,
      metadata: { run_id: runId, environment },
    },
  );
}

export function largerThanBatch(
  groupId: string,
  weight: number,
  unit: string,
  target: number,
): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Group "${groupId}" has ${weight} ${unit} and a batch of its run holds ${target}; a group is never split.`,
    {
      reason: 'GROUP_LARGER_THAN_BATCH',
      remedy: 'Play smaller groups, or open a run with larger batches.',
      field: 'group',
      metadata: { group_id: groupId, weight: String(weight), limit: String(target), unit },
    },
  );
}

export function largerThanQueue(groupId: string, bytes: number, maxBytes: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Group "${groupId}" has ${bytes} bytes and the whole queue of a run may hold ${maxBytes}.`,
    {
      reason: 'GROUP_TOO_LARGE',
      remedy: 'Play smaller groups, or raise maxWaitingBytes of the server.',
      field: 'group',
      metadata: { group_id: groupId, bytes: String(bytes), limit: String(maxBytes) },
    },
  );
}

const HELD_BECAUSE = {
  groups: 'as many groups wait as the run allows',
  bytes: 'the waiting groups hold as many bytes as the server allows',
  uncuttable:
    'the queue is full and no set of the waiting groups fills a batch exactly; groups of other sizes, batches counted in tokens or groups, or a larger queue would',
} as const;

export function queueFull(
  runId: string,
  by: keyof typeof HELD_BECAUSE,
  retryAfterMs: number,
): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `Run "${runId}" takes no more groups for now: ${HELD_BECAUSE[by]}.`,
    {
      reason: by === 'uncuttable' ? 'QUEUE_UNCUTTABLE' : 'QUEUE_FULL',
      remedy: 'Submit it again after the pause.',
      retryAfterMs,
      metadata: { run_id: runId, limit: by },
    },
  );
}

export function limitReached(what: string, limit: number): LachesisError {
  return new LachesisError('resource_exhausted', `The server holds ${limit} ${what} already.`, {
    reason: 'LIMIT_REACHED',
    remedy: 'Try again later, or raise its limit.',
    metadata: { limit: String(limit) },
  });
}

export function groupNotFound(groupId: string): LachesisError {
  return new LachesisError('not_found', `The run has no group "${groupId}".`, {
    reason: 'GROUP_NOT_FOUND',
    metadata: { group_id: groupId },
  });
}

export function groupNotKept(groupId: string): LachesisError {
  return new LachesisError(
    'not_found',
    `Group "${groupId}" was trained or dropped, and its bytes are no longer kept.`,
    {
      reason: 'GROUP_NOT_KEPT',
      remedy: 'Raise replayBytes of the server to keep more.',
      metadata: { group_id: groupId },
    },
  );
}

export function consumerNotRegistered(consumerId: string): LachesisError {
  return new LachesisError('not_found', `The run has no consumer "${consumerId}".`, {
    reason: 'CONSUMER_NOT_REGISTERED',
    remedy: 'Register it first.',
    metadata: { consumer_id: consumerId },
  });
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

export function staleBatchLease(id: string, consumerId: string): LachesisError {
  return new LachesisError(
    'aborted',
    `Consumer "${consumerId}" does not hold batch "${id}" (any more).`,
    {
      reason: 'STALE_LEASE',
      remedy: 'Ask for the next batch.',
      metadata: { batch_id: id, consumer_id: consumerId },
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

export function policyVersionBehind(runVersion: number, given: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Policy version ${given} is behind the run's, which is ${runVersion}.`,
    {
      reason: 'POLICY_VERSION_BEHIND',
      remedy: 'Publish a higher one.',
      metadata: { policy_version: String(runVersion) },
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

export function stepNotKept(step: number, missing: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The batches after step ${step} are not all kept: step ${missing} was let go.`,
    {
      reason: 'STEP_NOT_KEPT',
      remedy:
        'Go back to a later checkpoint. What a consumer commits is the step that it can always go back to.',
      field: 'step',
      metadata: { oldest_step: String(missing) },
    },
  );
}

export function commitNeeded(max: number, committed: number): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `${max} batches are acked since step ${committed}, the last one committed, and kept for going back to it.`,
    {
      reason: 'COMMIT_NEEDED',
      remedy: 'Commit the step of your newest checkpoint.',
      metadata: { step: String(committed) },
    },
  );
}

export function idOfAnotherRun(assignmentId: string, runId: string): LachesisError {
  return new LachesisError(
    'already_exists',
    `Assignment "${assignmentId}" is open in run "${runId}".`,
    {
      reason: 'ASSIGNMENT_OF_ANOTHER_RUN',
      field: 'assignments.id',
      remedy:
        'Give every assignment of all runs an id of its own, such as one that begins with the run.',
    },
  );
}
