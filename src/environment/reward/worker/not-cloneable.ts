import { clipText, errorMessage, LachesisError } from '../../../errors.ts';

/** The failure of an input that can't be sent to a thread; it names the part that can't. */
export function notCloneable(input: object, thrown: unknown): LachesisError {
  const path = clipText(pathOf(input) ?? 'its input', 200);
  return new LachesisError(
    'environment_error',
    `The reward runs in a thread, and ${path} can't be copied to it: ${errorMessage(thrown)}`,
    {
      reason: 'REWARD_INPUT_NOT_CLONEABLE',
      field: path,
      remedy:
        'Keep functions, sockets and handles out of the state, or score in the main thread with a plain reward function.',
      cause: thrown,
    },
  );
}

/** A search that costs more than a reward helps nobody. */
const MAX_VALUES = 100_000;

/**
 * Where the nearest part is that can't be cloned, such as `state.players[1].move`. Each part is looked
 * at once, since in a graph that points back to its root, cloning every part would clone all of it each time.
 */
function pathOf(input: object): string | undefined {
  const seen = new Set<unknown>();
  const queue: { readonly value: unknown; readonly path: string }[] = [{ value: input, path: '' }];
  for (let next = 0; next < Math.min(queue.length, MAX_VALUES); next++) {
    const { value, path } = queue[next] as (typeof queue)[number];
    if (typeof value === 'function' || typeof value === 'symbol') return path;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    const keys = keysOf(value);
    // Without parts of its own it is itself at fault, or nothing is.
    if (keys.length === 0 && !isCloneable(value)) return path;
    for (const key of keys) {
      const inside = Array.isArray(value)
        ? `${path}[${key}]`
        : path === ''
          ? key
          : `${path}.${key}`;
      if (queue.length < MAX_VALUES) queue.push({ value: partOf(value, key), path: inside });
    }
  }
  return Object.keys(input).find((key) => !isCloneable(partOf(input, key)));
}

/** A proxy may throw at being asked, and can't be cloned. */
function keysOf(value: object): readonly string[] {
  try {
    return Object.keys(value);
  } catch {
    return [];
  }
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** A getter that throws is what can't be cloned: a function stands for it. */
function partOf(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return () => {};
  }
}
