/** What workers wait for: an assignment that may be leased. */
export const LEASE_TOPIC = 'lease';

/** What callers wait for, of one run. */
export const topicOf = {
  room: (runId: string) => `room/${runId}`,
  batch: (runId: string) => `batch/${runId}`,
  policy: (runId: string) => `policy/${runId}`,
} as const;
