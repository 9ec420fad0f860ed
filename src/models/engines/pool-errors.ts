import { LachesisError } from '../../errors.ts';
import type { EnginePurpose } from '../engine.ts';
import type { PoolMember } from './pool-member.ts';

/** Nobody serves such calls. */
export function noEngineFor(purpose: EnginePurpose): LachesisError {
  return new LachesisError('failed_precondition', `No engine of the pool is for ${purpose}.`, {
    reason: 'NO_ENGINE_FOR_PURPOSE',
    remedy: 'Name the purpose in purposes of an engine, or leave purposes out.',
    field: 'engines.purposes',
  });
}

/** Everybody who serves such calls is out. */
export function allOut(members: readonly PoolMember[]): LachesisError {
  const [first] = members;
  return new LachesisError(
    'infrastructure_error',
    `None of ${members.length} engines is well. ${first?.name}: ${first?.ailment}`,
    {
      reason: 'ENGINES_OUT',
      remedy: 'They are asked now and then and taken back when they are well.',
      retryAfterMs: 5_000,
      metadata: { retryable: 'true' },
    },
  );
}

/** Too many wait. */
export function poolFull(maxWaiting: number): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `${maxWaiting} calls wait for an engine already.`,
    {
      reason: 'POOL_QUEUE_FULL',
      remedy: 'Play fewer rollouts at once, add engines, or raise maxWaiting.',
      retryAfterMs: 1_000,
    },
  );
}
