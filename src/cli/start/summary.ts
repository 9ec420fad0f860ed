import { ledgerBalance } from '../../tokens/index.ts';
import { bytesText } from '../store/task.ts';
import { count, ledgerSum, percent } from '../words.ts';
import { sparkline } from './curve.ts';
import type { Measurement } from './measure.ts';
import { DEFAULT_ENVIRONMENT } from './plan.ts';
import type { Tally } from './tally.ts';
import type { TrainerStep } from './view.ts';

/** What became of the groups, as the store has it. */
export interface StoreOutcome {
  readonly folder: string;
  readonly acceptedGroups: number;
  readonly trainedGroups: number;
  /** By reason. */
  readonly droppedGroups: Readonly<Record<string, number>>;
  readonly heldBytes: number;
}

/** All that a quick start came to, over all its sittings. */
export interface Outcome {
  readonly before: Measurement;
  readonly after: Measurement;
  readonly steps: readonly TrainerStep[];
  readonly trainSeconds: number;
  readonly tally: Tally;
  readonly rolloutFile: string;
  readonly rolloutsWritten: number;
  readonly wallSeconds: number;
  readonly store: StoreOutcome;
  /** What became of them in the last sitting; undefined without any. */
  readonly sandboxes?: string;
  /** How often it was gone on with. */
  readonly resumed: number;
}

/** The bound on |ratio - 1| of the first step, which is exactly on policy. */
const EXACT = 1e-5;

/** What is wrong with the outcome; empty when the quick start did what it should. */
export function verdict(
  outcome: Outcome,
  environment: string = DEFAULT_ENVIRONMENT,
): readonly string[] {
  const { before, after, steps, tally } = outcome;
  const first = steps[0];
  const failures: string[] = [];
  if (first === undefined) return ['the trainer took no step.'];
  // The policy has room to learn the shop; of another environment nobody promises that.
  const mustLearn = environment === DEFAULT_ENVIRONMENT;
  if (mustLearn && before.success >= 0.2) {
    failures.push(
      `the untrained policy succeeds in ${percent(before.success)}; it should be under 20 %.`,
    );
  }
  if (mustLearn && after.success < 0.9) {
    failures.push(
      `the trained policy succeeds in ${percent(after.success)}; it should reach 90 %.`,
    );
  }
  if (!(first.maxRatioDeviation < EXACT)) {
    failures.push(
      `the first on-policy step has |ratio - 1| = ${first.maxRatioDeviation}, not under ${EXACT}: tokens, masks, order or versions are wrong somewhere.`,
    );
  }
  if (ledgerBalance(tally.ledger) !== 0) {
    failures.push(
      `the ledger does not balance: ${ledgerBalance(tally.ledger)} sampled tokens are in no bucket.`,
    );
  }
  const lost = tally.notScored + before.notScored + after.notScored;
  if (lost > 0) failures.push(`${lost} rollouts were not scored.`);
  return failures;
}

export function summaryLines(outcome: Outcome): readonly string[] {
  const { before, after, steps, tally } = outcome;
  const { ledger, toolCalls } = tally;
  const indent = (lines: readonly string[]): string[] => lines.map((line) => `    ${line}`);
  const untrained = before.examples.failure ?? before.examples.success;
  const trained = after.examples.success ?? after.examples.failure;
  return [
    '',
    `success, sampled on fresh episodes: ${percent(before.success)} before, ${percent(after.success)} after (${count(after.episodes)} episodes)`,
    `reward by step   ${sparkline(
      steps.map(({ reward }) => reward),
      60,
    )}  ${steps.length} steps`,
    `first step       |ratio - 1| = ${(steps[0]?.maxRatioDeviation ?? Number.NaN).toExponential(1)} (exactly on policy)`,
    `rollouts         ${count(tally.rollouts)}${tally.cancelled > 0 ? ` (${count(tally.cancelled)} cancelled)` : ''} in ${outcome.trainSeconds.toFixed(1)} s of training, ${count(Math.round(ledger.sampled / outcome.trainSeconds))} sampled tokens/s`,
    `tool calls       ${count(toolCalls.attempted)} attempted, ${count(toolCalls.executedOk)} ok, ${count(toolCalls.execError)} failed`,
    ...(outcome.sandboxes === undefined ? [] : [`sandboxes        ${outcome.sandboxes}`]),
    `ledger           ${ledgerSum(ledger)}`,
    `store            ${storeText(outcome)}`,
    `wall time        ${outcome.wallSeconds.toFixed(1)} s`,
    '',
    '  before training:',
    ...indent(untrained ?? []),
    '  after training:',
    ...indent(trained ?? []),
    '',
    `${count(outcome.rolloutsWritten)} rollouts are in ${outcome.rolloutFile}${outcome.resumed > 0 ? ' and the files of before beside it' : ''}`,
    '',
    'Three things to try:',
    ...nextSteps(import.meta.url.endsWith('.ts')).map((line) => `  ${line}`),
  ];
}

function storeText({ store, resumed }: Outcome): string {
  const { acceptedGroups, trainedGroups, droppedGroups, heldBytes, folder } = store;
  const parts = [
    `${count(acceptedGroups)} groups accepted`,
    `${count(trainedGroups)} trained`,
    ...Object.entries(droppedGroups).map(([reason, groups]) => `${count(groups)} ${reason}`),
  ];
  const again = resumed === 0 ? '' : `; resumed ${resumed === 1 ? 'once' : `${resumed} times`}`;
  return `${parts.join(', ')}; ${bytesText(heldBytes)} in ${folder}${again}`;
}

/** A checkout has the examples' sources; an installed package has the command. */
function nextSteps(isCheckout: boolean): readonly string[] {
  return isCheckout
    ? [
        'npm start -- --seed 7                              # it learns from any seed',
        'npx lachesis serve examples/environments/shop.ts   # host it for a trainer of your own',
        'examples/trainers/grpo.ts                          # the trainer you just saw; change it',
      ]
    : [
        'npx lachesis start --seed 7      # it learns from any seed',
        'npx lachesis serve YOUR_ENV.ts   # host an environment of your own',
        'npx lachesis policy              # the policy, over gRPC and OpenAI-shaped HTTP',
      ];
}
