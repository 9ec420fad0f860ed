/** What one check of an environment came to. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'failed' | 'skipped';
  /** In a few words: what was looked at, or why it was not. */
  readonly detail: string;
  readonly failures: readonly Failure[];
}

export interface Failure {
  /** What it is about: `task 17`, `tool price`. */
  readonly subject: string;
  readonly reason: string;
}

/** Failed when it has failures, else ok. */
export function checked(name: string, detail: string, failures: readonly Failure[]): Check {
  return { name, status: failures.length === 0 ? 'ok' : 'failed', detail, failures };
}
