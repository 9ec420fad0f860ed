import { LachesisError } from '../../errors.ts';
import type { SandboxLease } from '../pool/lease.ts';
import type { RolloutSandbox } from './rollout-sandbox.ts';

/** The sandbox of a lease, as a rollout has it. It ends with the lease. */
export function openRolloutSandbox(_lease: SandboxLease): RolloutSandbox {
  throw new LachesisError('unimplemented', 'not built yet.', { reason: 'UNIMPLEMENTED' });
}
