import type { SandboxCreateParams } from 'modal';
import { invalidInput } from '../../../errors.ts';
import type { SandboxSpec } from '../../contract/spec.ts';
import { atCreation } from './network.ts';
import { MAX_LIFETIME_MS, type ModalSettings, wholeSeconds } from './options.ts';

/** What of `SandboxSpec.providerOptions` has a meaning here. */
const PROVIDER_OPTIONS: Readonly<Record<string, 'string'>> = Object.freeze({
  cloud: 'string',
  region: 'string',
  runtime: 'string',
});

/** When Modal is to end the sandbox, in milliseconds since the Unix epoch; for whoever finds it later. */
export const DEADLINE_TAG = 'lachesis-deadline';

/**
 * A spec in Modal's words. Its variables are not in it: they go with each command, so that nothing of ours is
 * in the sandbox itself.
 */
export function createParams(
  spec: SandboxSpec,
  options: {
    readonly tags: Readonly<Record<string, string>>;
    readonly lifetimeMs: number | undefined;
    readonly settings: ModalSettings;
    /** Of the wall, in milliseconds. */
    readonly nowMs: number;
  },
): SandboxCreateParams {
  const { resources = {}, network = 'none', providerOptions = {} } = spec;
  const { settings } = options;
  for (const name of ['diskMiB', 'pids'] as const) {
    if (resources[name] !== undefined) {
      throw invalidInput(`sandbox.resources.${name}`, 'can not be set on Modal.', {
        remedy: 'Leave it out; Modal gives every sandbox a disk and a process limit of its own.',
      });
    }
  }
  const lifetimeMs = lifetimeOf(options.lifetimeMs ?? settings.lifetimeMs);
  return {
    timeoutMs: lifetimeMs,
    idleTimeoutMs: Math.min(wholeSeconds(settings.idleTimeoutMs), lifetimeMs),
    tags: { ...options.tags, [DEADLINE_TAG]: String(options.nowMs + lifetimeMs) },
    ...(resources.cpus === undefined ? {} : { cpu: resources.cpus, cpuLimit: resources.cpus }),
    ...memoryOf(resources.memoryMiB),
    ...atCreation(network),
    ...providerParams(providerOptions),
  };
}

function lifetimeOf(lifetimeMs: number): number {
  if (lifetimeMs > 0 && lifetimeMs <= MAX_LIFETIME_MS) return wholeSeconds(lifetimeMs);
  throw invalidInput(
    'lifetimeMs',
    `is ${lifetimeMs}; Modal allows up to ${MAX_LIFETIME_MS} (24 hours).`,
    {
      remedy: 'Set a shorter lifetime on the pool, which adds two minutes to its own `lifetimeMs`.',
    },
  );
}

function memoryOf(memoryMiB: number | undefined): SandboxCreateParams {
  if (memoryMiB === undefined) return {};
  const whole = Math.ceil(memoryMiB);
  return { memoryMiB: whole, memoryLimitMiB: whole };
}

function providerParams(given: NonNullable<SandboxSpec['providerOptions']>): SandboxCreateParams {
  for (const [name, value] of Object.entries(given)) {
    const known = Object.hasOwn(PROVIDER_OPTIONS, name);
    if (!known || typeof value !== PROVIDER_OPTIONS[name]) {
      const names = Object.keys(PROVIDER_OPTIONS).join('`, `');
      throw invalidInput(
        `sandbox.providerOptions.${name}`,
        known ? 'is no text.' : 'means nothing to Modal.',
        { remedy: `Use \`${names}\`.` },
      );
    }
  }
  const { cloud, region, runtime } = given as Readonly<Record<string, string | undefined>>;
  if (runtime !== undefined && runtime !== 'gvisor' && runtime !== 'vm') {
    throw invalidInput('sandbox.providerOptions.runtime', 'is neither `gvisor` nor `vm`.');
  }
  return {
    ...(cloud === undefined ? {} : { cloud }),
    ...(region === undefined ? {} : { regions: [region] }),
    ...(runtime === undefined ? {} : { runtime }),
  };
}
