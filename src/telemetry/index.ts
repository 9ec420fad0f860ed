export { formatJsonLine, jsonLinesWriter, type LineTarget } from './json-lines.ts';
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogRecord,
  type LogWriter,
  silentLogger,
} from './logger.ts';
export {
  type Counter,
  DURATION_BUCKETS_SECONDS,
  type Gauge,
  type Histogram,
  type Labels,
  type MetricDescription,
  type MetricKind,
} from './metric.ts';
export {
  type HistogramState,
  type MetricSnapshot,
  MetricsRegistry,
  type MetricsRegistryOptions,
} from './metrics-registry.ts';
export { METRICS_CONTENT_TYPE, renderMetricsText } from './prometheus-text.ts';
