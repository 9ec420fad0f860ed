/**
 * Freezes plain objects and arrays at every depth, in place. What rollouts share (a task's data, the
 * settings) is frozen when it is hosted, so that none of them can leave something for the next:
 * writing to it throws in the environment that tries.
 */
export function deepFreeze<Value>(value: Value): Value {
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}

/** Instances of classes and typed arrays are their owner's business. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
