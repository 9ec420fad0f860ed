import type { MetricSnapshot, MetricsRegistry } from './metrics-registry.ts';

/** The content type of what `renderMetricsText` gives. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** All metrics of a registry in Prometheus' text exposition format 0.0.4. */
export function renderMetricsText(registry: MetricsRegistry): string {
  const lines: string[] = [];
  for (const metric of registry.snapshot()) {
    lines.push(`# HELP ${metric.name} ${escapeHelp(metric.help)}`);
    lines.push(`# TYPE ${metric.name} ${metric.kind}`);
    renderSeries(metric, lines);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function renderSeries(metric: MetricSnapshot, lines: string[]): void {
  if (metric.kind !== 'histogram') {
    for (const [values, value] of metric.series) {
      lines.push(`${metric.name}${labelSet(metric.labels, values)} ${numeral(value)}`);
    }
    return;
  }
  const labels = [...metric.labels, 'le'];
  for (const [values, state] of metric.series) {
    let cumulated = 0;
    for (const [index, bound] of [...metric.bounds, Infinity].entries()) {
      cumulated += state.counts[index] ?? 0;
      const at = labelSet(labels, [...values, numeral(bound)]);
      lines.push(`${metric.name}_bucket${at} ${cumulated}`);
    }
    const at = labelSet(metric.labels, values);
    lines.push(`${metric.name}_sum${at} ${numeral(state.sum)}`);
    lines.push(`${metric.name}_count${at} ${state.count}`);
  }
}

function labelSet(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',')}}`;
}

function numeral(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

function escapeHelp(value: string): string {
  return value.replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\'));
}
