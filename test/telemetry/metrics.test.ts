import { describe, expect, it } from 'vitest';
import { MetricsRegistry, renderMetricsText } from '../../src/telemetry/index.ts';

describe('MetricsRegistry', () => {
  it('renders counters, gauges and histograms as Prometheus reads them', () => {
    const registry = new MetricsRegistry();
    const groups = registry.counter({
      name: 'groups_total',
      help: 'Groups\nby "state".',
      labels: ['state'],
    });
    groups.add(1, { state: 'scored' });
    groups.add(2, { state: 'scored' });
    groups.add(1, { state: 'odd "\\\n' });
    registry.gauge({ name: 'queue_bytes', help: 'Waiting.' }).set(12.5);
    const seconds = registry.histogram({ name: 'step_seconds', help: 'Steps.', bounds: [0.1, 1] });
    for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
    expect(renderMetricsText(registry)).toBe(`# HELP groups_total Groups\\nby "state".
# TYPE groups_total counter
groups_total{state="scored"} 3
groups_total{state="odd \\"\\\\\\n"} 1
# HELP queue_bytes Waiting.
# TYPE queue_bytes gauge
queue_bytes 12.5
# HELP step_seconds Steps.
# TYPE step_seconds histogram
step_seconds_bucket{le="0.1"} 2
step_seconds_bucket{le="1"} 3
step_seconds_bucket{le="+Inf"} 4
step_seconds_sum 7.65
step_seconds_count 4
`);
  });
  it('renders nothing when it is empty', () => {
    expect(renderMetricsText(new MetricsRegistry())).toBe('');
  });
  it('gives the same metric for the same name and shape, and throws for another shape', () => {
    const registry = new MetricsRegistry();
    const first = registry.counter({ name: 'calls_total', help: 'Calls.', labels: ['code'] });
    expect(registry.counter({ name: 'calls_total', help: 'Calls.', labels: ['code'] })).toBe(first);
    expect(() => registry.counter({ name: 'calls_total', help: 'Calls.' })).toThrow(/already/);
    expect(() => registry.gauge({ name: 'calls_total', help: 'Calls.' })).toThrow(/already/);
  });
  it('refuses names, labels and amounts that would not render or add up', () => {
    const registry = new MetricsRegistry();
    expect(() => registry.counter({ name: 'Bad-Name', help: '' })).toThrow(/snake case/);
    expect(() => registry.histogram({ name: 'h', help: '', bounds: [2, 1] })).toThrow(/ascend/);
    const counter = registry.counter({ name: 'c', help: '', labels: ['a'] });
    expect(() => counter.add(-1, { a: 'x' })).toThrow(RangeError);
    expect(() => counter.add(1)).toThrow(/declares \[a\]/);
    expect(() => counter.add(1, { b: 'x' })).toThrow(/declares \[a\]/);
  });
  it('bounds its series: what comes after shares one', () => {
    const registry = new MetricsRegistry({ maxSeriesPerMetric: 2 });
    const counter = registry.counter({ name: 'paths_total', help: '', labels: ['path'] });
    for (const path of ['a', 'b', 'c', 'd', 'a']) counter.add(1, { path });
    expect(counter.value({ path: 'a' })).toBe(2);
    expect(counter.value({ path: 'other' })).toBe(2);
  });
  it('tells label values apart whatever they contain', () => {
    const registry = new MetricsRegistry();
    const counter = registry.counter({ name: 'c', help: '', labels: ['a', 'b'] });
    counter.add(1, { a: 'x:1', b: 'y' });
    counter.add(1, { a: 'x', b: ':1y' });
    expect(counter.value({ a: 'x:1', b: 'y' })).toBe(1);
  });
});
