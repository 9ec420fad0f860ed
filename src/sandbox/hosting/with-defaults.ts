import type { SandboxSpec } from '../contract/spec.ts';
import type { SandboxPool } from '../pool/pool.ts';

/** The same pool, for those who say of a spec only what they need: the rest is as its host wants it. */
export function withDefaults(pool: SandboxPool, defaults: SandboxSpec): SandboxPool {
  const full = (spec: SandboxSpec): SandboxSpec => {
    const resources = { ...defaults.resources, ...spec.resources };
    return {
      ...defaults,
      ...spec,
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
    };
  };
  return {
    backend: pool.backend,
    acquire: (spec, request) => pool.acquire(full(spec), request),
    keepWarm: (spec, count) => pool.keepWarm(full(spec), count),
    stats: () => pool.stats(),
    drain: (options) => pool.drain(options),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}
