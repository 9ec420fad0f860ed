import type { Clock } from './clock.ts';
import { LinkedList, type LinkedNode } from './linked-list.ts';

export interface WaitRequest<T> {
  /** What it waits for; `wake` with the same topic tries it again. */
  readonly topic: string;
  /** Takes what is to be had, at once and whole; undefined when there is nothing yet. */
  readonly attempt: () => T | undefined;
  /** The answer when time is up, the signal fires or the room closes. */
  readonly fallback: () => T;
  /** Undefined for as long as the signal lets it. */
  readonly waitMs: number | undefined;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly deadlineMs: number;
  /** True when it left, with an answer. */
  poll(): boolean;
  giveUp(): void;
}

/**
 * Where callers wait for something to be had, first come first served. Nobody polls: a change wakes
 * its topic, and one timer, there only while someone waits, stands for the next deadline or expiry.
 */
export class WaitingRoom implements Disposable {
  readonly #clock: Clock;
  readonly #advance: (nowMs: number) => number | undefined;
  readonly #topics = new Map<string, LinkedList<Waiter>>();
  #waiters = 0;
  #timer: { readonly dueMs: number; readonly handle: Disposable } | undefined;
  #closed = false;

  /** `advance` lets happen what is due, and says when time alone will next change anything. */
  constructor(clock: Clock, advance: (nowMs: number) => number | undefined) {
    this.#clock = clock;
    this.#advance = advance;
  }

  /** Rejects only with what an attempt throws. A signal that has fired takes nothing. */
  async wait<T>(request: WaitRequest<T>): Promise<T> {
    const { topic, attempt, fallback, waitMs, signal } = request;
    if (signal.aborted || this.#closed) return fallback();
    const atOnce = attempt();
    if (atOnce !== undefined) return atOnce;
    if (waitMs !== undefined && waitMs <= 0) return fallback();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // One wake can lead to another: a waiter may be met again while, or after, it is answered.
    let answered = false;
    let trying = false;
    const leave = () => {
      answered = true;
      signal.removeEventListener('abort', giveUp);
      this.#leave(topic, node);
    };
    const giveUp = () => {
      if (answered) return;
      leave();
      resolve(fallback());
    };
    const poll = () => {
      if (answered || trying) return true;
      trying = true;
      try {
        const taken = attempt();
        if (taken === undefined) return false;
        resolve(taken);
      } catch (error) {
        reject(error);
      } finally {
        trying = false;
      }
      leave();
      return true;
    };
    const deadlineMs = waitMs === undefined ? Infinity : this.#clock.nowMs() + waitMs;
    const node = this.#enter(topic, { deadlineMs, poll, giveUp });
    this.#arm(Math.min(deadlineMs, this.#advance(this.#clock.nowMs()) ?? Infinity));
    signal.addEventListener('abort', giveUp, { once: true });
    return promise;
  }

  /** Tries all that wait for `topic`, in the order they came. */
  wake(topic: string): void {
    for (const waiter of [...(this.#topics.get(topic) ?? [])]) waiter.poll();
  }

  /** A lease was given that ends then: whoever waits is tried again no later. */
  expectExpiry(atMs: number): void {
    this.#arm(atMs);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const waiter of this.#all()) waiter.giveUp();
    this.#disarm();
  }

  #enter(topic: string, waiter: Waiter): LinkedNode<Waiter> {
    let list = this.#topics.get(topic);
    if (list === undefined) {
      list = new LinkedList();
      this.#topics.set(topic, list);
    }
    this.#waiters += 1;
    return list.push(waiter);
  }

  #leave(topic: string, node: LinkedNode<Waiter>): void {
    const list = node.list;
    if (list === undefined) return;
    list.remove(node);
    this.#waiters -= 1;
    if (list.size === 0) this.#topics.delete(topic);
    if (this.#waiters === 0) this.#disarm();
  }

  #all(): readonly Waiter[] {
    return [...this.#topics.values()].flatMap((list) => [...list]);
  }

  #arm(dueMs: number): void {
    if (dueMs === Infinity || this.#waiters === 0) return;
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    this.#disarm();
    const handle = this.#clock.after(dueMs - this.#clock.nowMs(), () => this.#fire());
    this.#timer = { dueMs, handle };
  }

  #disarm(): void {
    this.#timer?.handle[Symbol.dispose]();
    this.#timer = undefined;
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    this.#advance(nowMs);
    let nextMs = Infinity;
    for (const waiter of this.#all()) {
      if (waiter.poll()) continue;
      if (waiter.deadlineMs <= nowMs) waiter.giveUp();
      else nextMs = Math.min(nextMs, waiter.deadlineMs);
    }
    this.#arm(Math.min(nextMs, this.#advance(nowMs) ?? Infinity));
  }
}
