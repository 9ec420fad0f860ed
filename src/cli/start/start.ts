import { createMemoryBroker } from '../../broker/index.ts';
import { connect, type LachesisClient } from '../../client/index.ts';
import type { Rollout } from '../../contract/index.ts';
import { hostEnvironment } from '../../environment/index.ts';
import { startServer } from '../../server/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import type { Command, CommandIo } from '../command.ts';
import { chooseModel } from '../model-options.ts';
import { integerOption, textOption } from '../read-options.ts';
import { RolloutWriter } from '../rollout-writer.ts';
import { percent } from '../words.ts';
import { addressOf, Child } from './child.ts';
import { measure } from './measure.ts';
import { type Outcome, summaryLines, verdict } from './summary.ts';
import { Tally } from './tally.ts';
import { followTrainer } from './trainer.ts';
import { LiveView, stepLine, type TrainerStep, viewLines } from './view.ts';

const RUN_ID = 'quick-start';
const GROUPS_PER_BATCH = 16;
const GROUP_SIZE = 8;

interface Plan {
  readonly seed: number;
  readonly maxSteps: number;
  /** The trainer stops after this many steps in a row at `goal`. */
  readonly goalSteps: number;
  readonly goal: number;
  readonly episodesBefore: number;
  readonly episodesAfter: number;
  readonly folder: string;
}

/** `lachesis start`: a policy learns to use tools, end to end, on this machine. */
export const startCommand: Command = {
  name: 'start',
  summary:
    'The quick start: a server, a policy and a trainer on this machine; watch the reward rise.',
  usage: '[options]',
  examples: [
    'lachesis start',
    'lachesis start --seed 2',
    'lachesis start --quick   # what CI runs',
  ],
  options: {
    quick: {
      type: 'boolean',
      help: 'Fewer episodes and steps; fails just the same if the reward does not rise.',
    },
    seed: { type: 'string', value: 'N', help: 'Seed of the policy and of the tasks. Default: 1.' },
    'max-steps': { type: 'string', value: 'N', help: 'Most training steps. Default: 60.' },
    out: {
      type: 'string',
      value: 'FOLDER',
      help: 'Where rollouts are written. Default: .lachesis/start.',
    },
  },
  run: async ({ values }, io) => {
    const quick = values['quick'] === true;
    const plan: Plan = {
      seed: integerOption(values, 'seed', 0) ?? 1,
      maxSteps: integerOption(values, 'max-steps', 1) ?? (quick ? 40 : 60),
      // Well over what the end must show, so that one lucky batch does not end the training early.
      goalSteps: quick ? 3 : 5,
      goal: 0.95,
      episodesBefore: quick ? 128 : 256,
      episodesAfter: quick ? 256 : 512,
      folder: textOption(values, 'out') ?? '.lachesis/start',
    };
    const outcome = await play(plan, io);
    io.out(`${summaryLines(outcome).join('\n')}\n`);
    const failures = verdict(outcome);
    for (const failure of failures) io.err(`FAILED: ${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  },
};

/** Starts the policy, the server and the trainer, each as its own party, and waits for the trainer. */
async function play(plan: Plan, io: CommandIo): Promise<Outcome> {
  const { signal } = io;
  io.out('Starting the policy, the server and, once it is measured, the trainer...\n');
  await using policyProcess = new Child('policy', '../run', [
    'policy',
    '--seed',
    String(plan.seed),
  ]);
  const policyAddress = await addressOf(policyProcess, signal);
  await using model = await chooseModel({ 'policy-address': policyAddress }, io);
  await using writer = new RolloutWriter(
    `${plan.folder}/rollouts-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.jsonl`,
  );
  const tally = new Tally();
  let first = true;
  const shop = await import('../../../examples/environments/shop.ts');
  await using environment = await hostEnvironment(shop.default);
  await using server = await startServer({
    environments: [environment],
    modelServerFor: () => model.modelServer,
    broker: createMemoryBroker(),
    concurrency: GROUPS_PER_BATCH * GROUP_SIZE,
    port: 0,
    auth: { kind: 'start_tokens' },
    logger: silentLogger,
    onRolloutFinished: (rollout: Rollout, runId: string) => {
      if (first) io.out(`first rollout after ${secondsSinceStart().toFixed(1)} s\n`);
      first = false;
      writer.write(rollout, runId);
      if (runId === RUN_ID) tally.add(rollout);
    },
  });
  await using client = await connect({ address: server.address, signal });

  const before = await measure(client, plan.episodesBefore, signal);
  io.out(`before training: ${percent(before.success)} of ${before.episodes} episodes succeed\n`);
  await openRun(client);
  const trained = await train(plan, { server: server.address, policy: policyAddress, tally, io });
  const after = await measure(client, plan.episodesAfter, signal);
  return {
    before,
    after,
    ...trained,
    tally,
    rolloutFile: writer.path,
    rolloutsWritten: writer.count,
    wallSeconds: secondsSinceStart(),
  };
}

function openRun(client: LachesisClient) {
  return client.runs.open(RUN_ID, {
    batchSize: { kind: 'groups', groups: GROUPS_PER_BATCH },
    trainingPolicy: 'strict',
    autoPlay: {
      environments: [{ environment: 'shop', groupSize: GROUP_SIZE }],
      maxAhead: GROUPS_PER_BATCH,
      // On policy: the next groups begin when this batch is trained on, published and acked.
      maxBatchesAhead: 1,
    },
  });
}

async function train(
  plan: Plan,
  world: {
    readonly server: string;
    readonly policy: string;
    readonly tally: Tally;
    readonly io: CommandIo;
  },
): Promise<{ readonly steps: readonly TrainerStep[]; readonly trainSeconds: number }> {
  const { io, tally } = world;
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const steps: TrainerStep[] = [];
  const view = new LiveView(io.raw ?? io.out);
  const draw = (): void =>
    view.draw(
      viewLines(
        {
          phase: 'training',
          maxSteps: plan.maxSteps,
          steps,
          rollouts: tally.rollouts,
          sampledTokens: tally.ledger.sampled,
          elapsedSeconds: elapsed(),
          toolCalls: tally.toolCalls,
          ledger: tally.ledger,
        },
        io.columns,
      ),
    );
  await using trainer = new Child('trainer', '../../../examples/trainers/grpo', [
    ...['--server', world.server, '--policy', world.policy, '--run', RUN_ID],
    ...['--max-steps', String(plan.maxSteps)],
    ...['--goal', String(plan.goal), '--goal-steps', String(plan.goalSteps), '--json'],
    // Its server is this process.
    '--no-reconnect',
  ]);
  const timer = io.terminal ? setInterval(draw, 200) : undefined;
  try {
    for await (const step of followTrainer(trainer, io.signal)) {
      steps.push(step);
      if (!io.terminal) io.out(`${stepLine(step)}\n`);
    }
    await trainer.succeeded();
  } finally {
    clearInterval(timer);
    if (io.terminal) draw();
  }
  return { steps, trainSeconds: elapsed() };
}

function secondsSinceStart(): number {
  return performance.now() / 1000;
}
