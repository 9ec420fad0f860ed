import type { MetricsRegistry } from '../../telemetry/index.ts';
import type { PoolCounts, PoolObserver } from './observer.ts';

const STATES = ['creating', 'idle', 'leased', 'resetting', 'closing', 'waiting'] as const;
/** Keys are what callers say; those beyond share the label `other`. */
const MAX_KEYS = 64;

/** An observer that counts what a pool does in a registry. Several pools may share one. */
export function poolMetrics(registry: MetricsRegistry): PoolObserver {
  const labelOf = boundedLabels();
  const counts = new Map<string, PoolCounts>();
  const sandboxes = registry.gauge({
    name: 'lachesis_sandboxes',
    help: 'Sandboxes of pools by key and state; `waiting` are those who wait for one.',
    labels: ['key', 'state'],
  });
  const histogram = (what: string, help: string) =>
    registry.histogram({ name: `lachesis_sandbox_${what}_seconds`, help });
  const waits = histogram('acquire_wait', 'Between asking for a sandbox and having it.');
  const creates = histogram('create', 'Of making a sandbox.');
  const resets = histogram('reset', 'Of bringing a used sandbox back to what it was.');
  const counter = (what: string, help: string, labels: readonly string[] = []) =>
    registry.counter({ name: `lachesis_sandbox_${what}_total`, help, labels });
  const created = counter('created', 'Sandboxes made.');
  const createFailed = counter('create_failed', 'Sandboxes that could not be made.');
  const leases = counter('leases', 'Leases given.');
  const reused = counter('reused', 'Leases of a sandbox that had been used before.');
  const destroyed = counter('destroyed', 'Sandboxes ended, by reason.', ['reason']);
  const survived = counter('survived', 'Sandboxes that could not be ended.');
  const refused = counter('refused', 'Waits that ended without a lease, by reason.', ['reason']);
  const leaks = counter('leaks', 'Leases taken back because they were held too long.');
  return {
    created({ durationMs }) {
      created.add();
      creates.observe(durationMs / 1_000);
    },
    createFailed: () => createFailed.add(),
    leased({ waitedMs, earlierUses }) {
      leases.add();
      if (earlierUses > 0) reused.add();
      waits.observe(waitedMs / 1_000);
    },
    leaked: () => leaks.add(),
    reset: ({ durationMs }) => resets.observe(durationMs / 1_000),
    destroyed: ({ reason }) => destroyed.add(1, { reason }),
    survived: () => survived.add(),
    refused: ({ reason }) => refused.add(1, { reason }),
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
