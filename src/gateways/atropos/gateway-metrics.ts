import type { MetricsRegistry } from '../../telemetry/index.ts';
import type { LogprobFlaw } from './pushed-logprobs.ts';

/** What a gateway counts. */
export interface GatewayMetrics {
  /** A stored sequence whose pushed logprobs can't be logprobs. */
  withoutLogprobs(flaw: LogprobFlaw): void;
  /** A group that was stored when it was pushed before, and came again because that was not heard. */
  resent(groups: number): void;
}

export function gatewayMetrics(registry: MetricsRegistry | undefined): GatewayMetrics {
  const withoutLogprobs = registry?.counter({
    name: 'lachesis_atropos_rows_without_logprobs_total',
    help: 'Rows whose pushed inference_logprobs can not be logprobs, by the first reason.',
    labels: ['reason'],
  });
  const resent = registry?.counter({
    name: 'lachesis_atropos_groups_resent_total',
    help: 'Groups pushed again after an answer that was not heard; they are stored once.',
  });
  return {
    withoutLogprobs: (reason) => withoutLogprobs?.add(1, { reason }),
    resent: (groups) => {
      if (groups > 0) resent?.add(groups);
    },
  };
}
