/** What becomes of a row that is longer than a run allows. */
export type OverLength =
  /** Cut at that length. */
  | 'truncate'
  /** Left out. */
  | 'drop'
  /** Several rows in its place, which train all of it between them. */
  | 'split';
