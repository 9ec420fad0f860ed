/** Runs of ids in a buffer of their own. */
export function concatIds(runs: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    all.set(run, at);
    at += run.length;
  }
  return all;
}
