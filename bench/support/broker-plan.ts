export const plan = {
  shape: { rollouts: 8, tokens: 2_048 },
  groupsPerBatch: 16,
  producers: 4,
} as const;

export interface BrokerOrder {
  readonly address: string;
  readonly runId: string;
  readonly producer: string;
  readonly seconds: number;
  readonly shape: typeof plan.shape;
}

export interface Pushed {
  readonly groups: number;
  readonly cpuMsPerGroup: number;
  readonly longestStallMs: number;
  /** Milliseconds from handing a group over to knowing that it is stored. */
  readonly times: readonly number[];
}

export interface Pulled {
  readonly groups: number;
  readonly seconds: number;
  /** Milliseconds from asking for a batch to its ack, its rows read. */
  readonly times: readonly number[];
}
