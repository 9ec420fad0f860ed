import type { MetricsRegistry } from '../../telemetry/index.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import type { PoolCounts, PoolObserver } from './observer.ts';

const STATES = ['creating', 'idle', 'leased', 'resetting', 'closing', 'waiting'] as const;
/** Keys are what callers say; those beyond share the label `other`. */
const MAX_KEYS = 64;

/** An observer that counts what one pool does in a registry, which pools may share: each has an observer of its own. */
export function poolMetrics(
  registry: MetricsRegistry,
  { name, capabilities }: Pick<SandboxBackend, 'name' | 'capabilities'>,
): PoolObserver {
  const at = { backend: name, isolation: capabilities.isolation };
  const places = ['backend', 'isolation'] as const;
  const labelOf = boundedLabels();
  const counts = new Map<string, PoolCounts>();
  registry
    .gauge({ name: 'lachesis_sandbox_info', help: 'Where commands run; always 1.', labels: places })
    .set(1, at);
  const sandboxes = registry.gauge({
    name: 'lachesis_sandboxes',
    help: 'Sandboxes of pools by key and state; `waiting` are those who wait for one.',
    labels: ['key', 'state'],
  });
  const histogram = (what: string, help: string) => {
    const metric = registry.histogram({
      ...{ name: `lachesis_sandbox_${what}_seconds`, help, labels: places },
    });
    return (durationMs: number): void => metric.observe(durationMs / 1_000, at);
  };
  const ran = registry.histogram({
    ...{ name: 'lachesis_sandbox_exec_seconds', labels: [...places, 'key'] },
    help: 'Of commands run to their end.',
  });
  const counter = (what: string, help: string, label?: string) => {
    const labels = label === undefined ? places : [...places, label];
    const metric = registry.counter({ name: `lachesis_sandbox_${what}_total`, help, labels });
    return (value?: string): void =>
      metric.add(1, label === undefined ? at : { ...at, [label]: value ?? '' });
  };
  const waited = histogram('wait', 'Between asking for a sandbox and having it.');
  const made = histogram('create', 'Of making a sandbox.');
  const wasReset = histogram('reset', 'Of bringing a used sandbox back to what it was.');
  const created = counter('created', 'Sandboxes made.');
  const createFailed = counter('create_failed', 'Sandboxes that could not be made.');
  const leases = counter('leases', 'Leases given, by whether it was used before.', 'reused');
  const destroyed = counter('destroyed', 'Sandboxes ended, by reason.', 'reason');
  const survived = counter('survived', 'Sandboxes that could not be ended.');
  const refused = counter('refused', 'Waits that ended without a lease, by reason.', 'reason');
  const leaks = counter('leaks', 'Leases taken back because they were held too long.');
  return {
    created({ durationMs }) {
      created();
      made(durationMs);
    },
    createFailed: () => createFailed(),
    leased({ waitedMs, earlierUses }) {
      leases(earlierUses > 0 ? 'yes' : 'no');
      waited(waitedMs);
    },
    executed: ({ key, durationMs }) =>
      ran.observe(durationMs / 1_000, { ...at, key: labelOf(key) }),
    leaked: () => leaks(),
    reset: ({ durationMs }) => wasReset(durationMs),
    destroyed: ({ reason }) => destroyed(reason),
    survived: () => survived(),
    refused: ({ reason }) => refused(reason),
    counted(now) {
      const before = counts.get(now.key);
      const key = labelOf(now.key);
      // Differences and not levels: several keys, and pools, may share a series.
      for (const state of STATES) {
        const by = now[state] - (before?.[state] ?? 0);
        if (by !== 0) sandboxes.add(by, { key, state });
      }
      if (STATES.every((state) => now[state] === 0)) counts.delete(now.key);
      else counts.set(now.key, now);
    },
  };
}

function boundedLabels(): (key: string) => string {
  const known = new Set<string>();
  return (key) => {
    if (!known.has(key) && known.size >= MAX_KEYS) return 'other';
    known.add(key);
    return key;
  };
}
