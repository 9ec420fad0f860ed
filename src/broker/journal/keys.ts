/** Digits of a position or an ordinal in a key, so that keys sort as numbers do. */
const DIGITS = 15;

/** Ids may hold a slash; a key's parts are between slashes. */
const part = encodeURIComponent;
const ordinal = (value: number): string => String(value).padStart(DIGITS, '0');

/** The keys of a broker's records. All of a run's begin alike, so that they are read and removed together. */
export const keys = Object.freeze({
  runs: 'run/',
  run: (runId: string) => `run/${part(runId)}`,
  ofRun: (
    kind: 'group' | 'settled' | 'batch' | 'done' | 'consumer' | 'ended' | 'assignment',
    runId: string,
  ) => `${kind}/${part(runId)}/`,
  group: (runId: string, position: number) => `group/${part(runId)}/${ordinal(position)}`,
  /** The group at that position was trained or dropped. */
  settled: (runId: string, position: number) => `settled/${part(runId)}/${ordinal(position)}`,
  batch: (runId: string, step: number) => `batch/${part(runId)}/${ordinal(step)}`,
  /** A batch that is done. */
  done: (runId: string, step: number) => `done/${part(runId)}/${ordinal(step)}`,
  consumer: (runId: string, consumerId: string) => `consumer/${part(runId)}/${part(consumerId)}`,
  /** An assignment that ended without a group. */
  ended: (runId: string, id: string) => `ended/${part(runId)}/${part(id)}`,
  assignment: (runId: string, id: string) => `assignment/${part(runId)}/${part(id)}`,
});
