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
