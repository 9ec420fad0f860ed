/** Severity, least to most urgent. A logger drops everything below its own level. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured facts of a line. Errors, bigints and Dates are allowed; a writer decides how to print them. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line as a writer receives it: fields of the logger and of the call already merged. */
export interface LogRecord {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Where records end up. A writer must not throw: a full disk may not end a rollout. */
export type LogWriter = (record: LogRecord) => void;

/** A structured logger: a short constant message, and everything that varies as fields. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line also carries `fields`; the call's own win over them. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly writer: LogWriter;
  /** The lowest level that is written. Default: `info`. */
  readonly level?: LogLevel;
  /** Fields of every line. */
  readonly fields?: LogFields;
  /** Source of time, for tests. Default: the system clock. */
  readonly now?: () => Date;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Makes a logger over a writer. */
export function createLogger(options: LoggerOptions): Logger {
  const { writer, level: threshold = 'info', fields: base = {}, now = () => new Date() } = options;
  const lowest = RANK[threshold];
  const log = (level: LogLevel, message: string, fields?: LogFields): void => {
    if (RANK[level] < lowest) return;
    writer({
      time: now(),
      level,
      message,
      fields: fields === undefined ? base : { ...base, ...fields },
    });
  };
  return {
    log,
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    child: (fields) =>
      createLogger({ writer, level: threshold, fields: { ...base, ...fields }, now }),
  };
}

/** A logger that writes nothing: the default wherever a logger is optional. */
export const silentLogger: Logger = Object.freeze({
  log: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
});
