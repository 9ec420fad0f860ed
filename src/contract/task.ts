import type { JsonValue } from '../messages.ts';

/** One item to solve. */
export interface Task<Data = JsonValue> {
  /** Stable in its environment. */
  readonly key: string;
  /** `train`, `test`, ...; empty for none. */
  readonly split: string;
  readonly data: Data;
}
