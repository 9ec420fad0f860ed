/** What callers wait for: all but `lease` of one run. */
export const topicOf = {
  room: (runId: string) => `room/${runId}`,
  batch: (runId: string) => `batch/${runId}`,
  policy: (runId: string) => `policy/${runId}`,
  lease: 'lease',
} as const;
