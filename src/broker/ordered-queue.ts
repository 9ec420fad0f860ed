import { LinkedList, type LinkedNode } from './linked-list.ts';

interface Level<T> {
  readonly key: number;
  readonly values: LinkedList<T>;
}

/** A place in an OrderedQueue. */
export interface QueueSeat<T> {
  readonly level: LinkedNode<Level<T>>;
  readonly node: LinkedNode<T>;
}

/**
 * Lowest key first, and first in first out within a key. Everything is constant time, except that
 * the first value of a new key walks over the higher keys: none, when keys arrive in order.
 */
export class OrderedQueue<T> {
  readonly #levels = new LinkedList<Level<T>>();
  readonly #byKey = new Map<number, LinkedNode<Level<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#levels.first?.value.values.first?.value;
  }

  /** Behind those of the same key. */
  push(key: number, value: T): QueueSeat<T> {
    const level = this.#level(key);
    this.#size += 1;
    return { level, node: level.value.values.push(value) };
  }

  /** Before those of the same key. */
  unshift(key: number, value: T): QueueSeat<T> {
    const level = this.#level(key);
    this.#size += 1;
    return { level, node: level.value.values.unshift(value) };
  }

  /** Among those of the same key, before the first that it is before. */
  insert(key: number, value: T, isBefore: (one: T, other: T) => boolean): QueueSeat<T> {
    const level = this.#level(key);
    this.#size += 1;
    return { level, node: level.value.values.insert(value, isBefore) };
  }

  /** False when the seat was given up before. */
  remove(seat: QueueSeat<T>): boolean {
    const { key, values } = seat.level.value;
    if (!values.remove(seat.node)) return false;
    this.#size -= 1;
    if (values.size === 0) {
      this.#levels.remove(seat.level);
      this.#byKey.delete(key);
    }
    return true;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const level of this.#levels) yield* level.values;
  }

  #level(key: number): LinkedNode<Level<T>> {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    let before = this.#levels.last;
    while (before !== undefined && before.value.key > key) before = before.previous;
    const added = this.#levels.insertAfter(before, { key, values: new LinkedList<T>() });
    this.#byKey.set(key, added);
    return added;
  }
}
