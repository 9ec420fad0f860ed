/** Whether something is to be waited for: what an author's function gives may be there already. */
export function isThenable<Value>(given: Value | PromiseLike<Value>): given is PromiseLike<Value> {
  return typeof (given as PromiseLike<Value> | null | undefined)?.then === 'function';
}
