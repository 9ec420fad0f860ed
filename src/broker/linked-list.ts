/** A seat in a list. It belongs to exactly one list, until it is removed. */
export interface LinkedNode<T> {
  readonly value: T;
  previous: LinkedNode<T> | undefined;
  next: LinkedNode<T> | undefined;
  list: LinkedList<T> | undefined;
}

/**
 * A doubly linked list: ends and removals from anywhere in constant time. Used in place of a Map
 * read from its front, whose first entry costs a walk over everything deleted before it.
 */
export class LinkedList<T> {
  #first: LinkedNode<T> | undefined;
  #last: LinkedNode<T> | undefined;
  #size = 0;

  get first(): LinkedNode<T> | undefined {
    return this.#first;
  }

  get last(): LinkedNode<T> | undefined {
    return this.#last;
  }

  get size(): number {
    return this.#size;
  }

  push(value: T): LinkedNode<T> {
    return this.insertAfter(this.#last, value);
  }

  unshift(value: T): LinkedNode<T> {
    return this.insertAfter(undefined, value);
  }

  /** Behind `node`, or in front of all when it is undefined. */
  insertAfter(node: LinkedNode<T> | undefined, value: T): LinkedNode<T> {
    const next = node === undefined ? this.#first : node.next;
    const added: LinkedNode<T> = { value, previous: node, next, list: this };
    if (node === undefined) this.#first = added;
    else node.next = added;
    if (next === undefined) this.#last = added;
    else next.previous = added;
    this.#size += 1;
    return added;
  }

  /** Before the first that it is before. Walks over those that it is not. */
  insert(value: T, isBefore: (one: T, other: T) => boolean): LinkedNode<T> {
    let after: LinkedNode<T> | undefined;
    for (let node = this.#first; node !== undefined; node = node.next) {
      if (isBefore(value, node.value)) break;
      after = node;
    }
    return this.insertAfter(after, value);
  }

  /** False when the node is not in this list (any more). */
  remove(node: LinkedNode<T>): boolean {
    if (node.list !== this) return false;
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    node.list = undefined;
    this.#size -= 1;
    return true;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let node = this.#first; node !== undefined; node = node.next) yield node.value;
  }
}
