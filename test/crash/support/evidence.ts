/** What producers and trainers saw of a server, written down as they saw it: all that a checker gets. */
export interface Evidence {
  /** Ids that a producer ever sent, acked or not. */
  readonly sent: ReadonlySet<string>;
  /** In the order of being acked. */
  readonly accepted: readonly Accepted[];
  /** What the ranks saw, in one order over both. */
  readonly events: readonly RankEvent[];
  /** Of the one consumer. */
  readonly worldSize: number;
}

export interface Accepted {
  readonly groupId: string;
  /** Hex, of the header that was sent. */
  readonly digest: string;
}

export type RankEvent =
  | ({ readonly kind: 'delivered' } & Delivered)
  /** The server answered the ack. */
  | {
      readonly kind: 'acked';
      readonly rank: number;
      readonly step: number;
      readonly complete: boolean;
    }
  /** A rank was about to go back to a step; whether it came to it nobody knows until it is answered. */
  | { readonly kind: 'rewinding'; readonly step: number };

export interface Delivered {
  readonly rank: number;
  readonly step: number;
  readonly batchId: string;
  readonly policyVersion: number;
  readonly delivery: number;
  /** Hex, of the batch. */
  readonly digest: string;
  /** In the batch's order. `rows` are all that the group has, whoever trains them. */
  readonly groups: readonly {
    readonly id: string;
    readonly digest: string;
    readonly rows: readonly string[];
  }[];
  /** Names of the rows that this rank got, in order. */
  readonly rows: readonly string[];
  /** Hex, of the bytes of these rows. */
  readonly rowsDigest: string;
}
