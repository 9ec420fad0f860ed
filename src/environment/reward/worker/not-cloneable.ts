import { clipText, errorMessage, LachesisError } from '../../../errors.ts';

/** Deeper than this a path helps nobody. */
const MAX_DEPTH = 16;

/** The failure of an input that can't be sent to a thread; it names the innermost part that can't. */
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

/** Where in a value the first part is that can't be cloned, such as `state.players[1].move`. */
function pathOf(value: unknown, path = '', depth = 0): string | undefined {
  if (isCloneable(value)) return undefined;
  if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    for (const key of Object.keys(value)) {
      const next = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      const found = pathOf(partOf(value, key), next, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return path === '' ? undefined : path;
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
