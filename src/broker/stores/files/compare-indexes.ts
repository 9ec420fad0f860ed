import { isSamePayload } from '../payload-ref.ts';
import type { StoreRecord } from '../store.ts';
import type { Citation } from './logged-change.ts';
import { placeOf } from './segments.ts';
import type { StoreIndex } from './store-index.ts';

/** What one index has and the other hasn't, or has otherwise: keys of records and places of payloads. */
export function* differences(one: StoreIndex, other: StoreIndex): Iterable<string> {
  const records = merged(rowsOf(one.recordPages('')), rowsOf(other.recordPages('')), byKey);
  for (const [left, right] of records) {
    if (left && right && Buffer.compare(left.value, right.value) === 0) continue;
    yield `record ${JSON.stringify((left ?? right)?.key)}`;
  }
  const payloads = merged(rowsOf(one.payloadPages()), rowsOf(other.payloadPages()), byPlace);
  for (const [left, right] of payloads) {
    if (left && right && isSamePayload(left, right) && left.label === right.label) continue;
    yield `payload ${placeOf((left ?? right)!)}`;
  }
}

function byKey(a: StoreRecord, b: StoreRecord): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}

function byPlace(a: Citation, b: Citation): number {
  return a.segment - b.segment || a.offset - b.offset;
}

function* rowsOf<Row>(pages: Iterable<readonly Row[]>): Generator<Row> {
  for (const page of pages) yield* page;
}

/** Two rows of the same order side by side; undefined where one has none. */
function* merged<Row>(
  one: Generator<Row>,
  other: Generator<Row>,
  compare: (a: Row, b: Row) => number,
): Iterable<readonly [Row | undefined, Row | undefined]> {
  let left = one.next();
  let right = other.next();
  while (left.done !== true || right.done !== true) {
    const order =
      left.done === true ? 1 : right.done === true ? -1 : compare(left.value, right.value);
    yield [
      left.done === true || order > 0 ? undefined : left.value,
      right.done === true || order < 0 ? undefined : right.value,
    ];
    if (order <= 0) left = one.next();
    if (order >= 0) right = other.next();
  }
}
