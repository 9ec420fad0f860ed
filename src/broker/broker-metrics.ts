import type { MetricsRegistry } from '../telemetry/index.ts';

/** What a broker counts, over all runs (a run id as a label would grow without bound). */
export interface BrokerMetrics {
  /** `stored`, `duplicate` or `refused`. */
  submitted(outcome: 'stored' | 'duplicate' | 'refused'): void;
  dropped(reason: string, groups: number): void;
  /** `uncut`: its groups wait again, since one of them is damaged. `given_up`: somebody had it already. */
  batch(event: 'cut' | 'uncut' | 'redelivered' | 'acked' | 'nacked' | 'given_up'): void;
  assignment(event: 'enqueued' | 'leased' | 'expired' | 'failed', count: number): void;
  /** Groups that cuts looked at: flat cost shows as this growing with batches, not with the queue. */
  visited(groups: number): void;
}

export function brokerMetrics(registry: MetricsRegistry | undefined): BrokerMetrics {
  const groups = registry?.counter({
    name: 'lachesis_broker_groups_submitted_total',
    help: 'Groups submitted, by outcome.',
    labels: ['outcome'],
  });
  const dropped = registry?.counter({
    name: 'lachesis_broker_groups_dropped_total',
    help: 'Groups that left without being trained, by reason.',
    labels: ['reason'],
  });
  const batches = registry?.counter({
    name: 'lachesis_broker_batches_total',
    help: 'What happened to batches.',
    labels: ['event'],
  });
  const assignments = registry?.counter({
    name: 'lachesis_broker_assignments_total',
    help: 'What happened to assignments.',
    labels: ['event'],
  });
  const visited = registry?.counter({
    name: 'lachesis_broker_groups_visited_total',
    help: 'Waiting groups that cuts looked at.',
  });
  return {
    submitted: (outcome) => groups?.add(1, { outcome }),
    dropped: (reason, count) => dropped?.add(count, { reason }),
    batch: (event) => batches?.add(1, { event }),
    assignment: (event, count) => {
      if (count > 0) assignments?.add(count, { event });
    },
    visited: (count) => visited?.add(count),
  };
}
