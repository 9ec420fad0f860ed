export interface IterableHooks<T> {
  /** Sees each value. */
  readonly onValue?: (value: T) => void;
  /** Runs when the source is exhausted. */
  readonly onDone?: () => void;
  /** Sees the error that ends the iteration, and must throw it or another one. */
  readonly onError?: (thrown: unknown) => never;
  /** Runs once, whichever way the iteration ends: exhausted, failed or given up. */
  readonly onEnd?: () => void;
}

/** The same values, watched; `return` reaches the source, so a consumer that stops early stops it. */
export async function* mapIterable<T>(
  source: AsyncIterable<T>,
  hooks: IterableHooks<T>,
): AsyncGenerator<T, void, void> {
  try {
    for await (const value of source) {
      hooks.onValue?.(value);
      yield value;
    }
    hooks.onDone?.();
  } catch (thrown) {
    if (hooks.onError !== undefined) hooks.onError(thrown);
    throw thrown;
  } finally {
    hooks.onEnd?.();
  }
}
