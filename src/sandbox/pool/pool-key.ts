import { createHash } from 'node:crypto';
import type { SandboxSpec } from '../contract/spec.ts';

/**
 * What a sandbox is made of, in one word: equal for specs that say the same, whatever the order. A hash, since
 * a spec may hold what must not be read in a log.
 */
export function poolKey(backend: string, spec: SandboxSpec): string {
  const { network = 'none', ...rest } = spec;
  const text = JSON.stringify(sorted({ ...rest, network }));
  return `${backend}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
