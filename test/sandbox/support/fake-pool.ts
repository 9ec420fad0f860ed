import type { LachesisError } from '../../../src/errors.ts';
import {
  createSandboxPool,
  type SandboxLease,
  type SandboxPoolOptions,
} from '../../../src/sandbox/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import {
  FakeBackend,
  type FakeBackendOptions,
  type FakeOutcome,
  type FakeStep,
} from './fake-backend.ts';

/** A pool of fakes used several times, on a clock that the test moves; steps go as `how` says. */
export function setup(
  options: Omit<SandboxPoolOptions, 'backend'> = {},
  more: Pick<FakeBackendOptions, 'latencyMs' | 'capabilities'> = {},
) {
  const clock = manualClock();
  const how: Partial<Record<FakeStep, FakeOutcome>> = {};
  const backend = new FakeBackend({
    ...{ clock, outcome: (step) => how[step] ?? 'ok' },
    ...more,
    capabilities: { costly: true, ...more.capabilities },
  });
  const pool = createSandboxPool({ backend, clock, random: () => 0, ...options });
  return { clock, how, backend, pool };
}

/** What a promise came to, once the clock moved; it may still be open. */
export function watch<Value>(promise: Promise<Value>) {
  const seen: { value?: Value; error?: LachesisError } = {};
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error: LachesisError) => {
      seen.error = error;
    },
  );
  return seen;
}

export const use = (lease: SandboxLease) => lease.exec({ argv: ['write', lease.leaseId] });
