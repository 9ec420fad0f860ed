// What random harnesses come to under each training policy: 2,000 call graphs of up to 14 steps (going on,
// sampling again, lost replies, compaction, altered answers, stripped thinking, two samples at once, asides).
import fc from 'fast-check';
import {
  BUCKETS,
  emptyLedger,
  type Ledger,
  settle,
  sumLedgers,
  type TrainingPolicy,
} from '../src/tokens/index.ts';
import { playGraph, step } from '../test/support/call-graphs.ts';
import { report, round } from './support/report.ts';

const GRAPHS = 2_000;
const POLICIES: readonly TrainingPolicy[] = ['strict', 'realign', 'fork', 'mask'];
const graph = fc.tuple(fc.array(step, { minLength: 1, maxLength: 14 }), fc.boolean());
const totals = new Map(POLICIES.map((policy) => [policy, { rows: 0, ledger: emptyLedger() }]));
for (const [steps, isDeclared] of fc.sample(graph, { numRuns: GRAPHS, seed: 20_261_124 })) {
  const { segments, calls, sampledTokens = 0 } = (await playGraph(steps, isDeclared)).record;
  for (const [policy, total] of totals) {
    const options = { rolloutId: 'r', segments, calls, sampledTokens, policy };
    const { rows, ledger } = settle({ ...options, maxRowTokens: 0, masked: false });
    total.rows += rows.length;
    total.ledger = sumLedgers([total.ledger, ledger]);
  }
}
report('call-graphs', {
  graphs: GRAPHS,
  policies: Object.fromEntries(
    [...totals].map(([policy, { rows, ledger }]) => [
      policy,
      { rowsPerRollout: round(rows / GRAPHS), ...percentages(ledger) },
    ]),
  ),
});

function percentages(ledger: Ledger): object {
  return Object.fromEntries(
    BUCKETS.map((name) => [name, round((100 * ledger[name]) / ledger.sampled)]),
  );
}
