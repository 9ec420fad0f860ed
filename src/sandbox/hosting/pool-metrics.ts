import type { MetricsRegistry } from '../../telemetry/index.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import type { PoolObserver } from '../pool/observer.ts';

/** Counts what a pool does, under the names of its backend and of its isolation. */
export function sandboxMetrics(metrics: MetricsRegistry, backend: SandboxBackend): PoolObserver {
  const labels = ['backend', 'isolation'] as const;
  const at = { backend: backend.name, isolation: backend.capabilities.isolation };
  const count = (name: string, help: string) => {
    const counter = metrics.counter({ name: `lachesis_sandbox_${name}_total`, help, labels });
    return (): void => counter.add(1, at);
  };
  metrics
    .gauge({ name: 'lachesis_sandbox_info', help: 'Where commands run; always 1.', labels })
    .set(1, at);
  const leased = metrics.counter({
    name: 'lachesis_sandbox_leases_total',
    help: 'Leases given, by whether the sandbox was used before.',
    labels: [...labels, 'reused'],
  });
  const wait = metrics.histogram({
    name: 'lachesis_sandbox_wait_seconds',
    help: 'How long a lease was waited for.',
    labels,
  });
  const refused = metrics.counter({
    name: 'lachesis_sandbox_refused_total',
    help: 'Waits that ended without a lease, by reason.',
    labels: [...labels, 'reason'],
  });
  const destroyed = metrics.counter({
    name: 'lachesis_sandbox_destroyed_total',
    help: 'Sandboxes destroyed, by reason.',
    labels: [...labels, 'reason'],
  });
  return {
    created: count('created', 'Sandboxes made.'),
    createFailed: count('create_failed', 'Sandboxes that could not be made.'),
    leaked: count('leaked', 'Leases taken back from who held them too long.'),
    reset: count('reset', 'Sandboxes reset for another lease.'),
    survived: count('survived', 'Sandboxes that could not be ended.'),
    leased: ({ waitedMs, earlierUses }) => {
      leased.add(1, { ...at, reused: earlierUses > 0 ? 'yes' : 'no' });
      wait.observe(waitedMs / 1_000, at);
    },
    refused: ({ reason }) => refused.add(1, { ...at, reason }),
    destroyed: ({ reason }) => destroyed.add(1, { ...at, reason }),
  };
}
