import type { CommandIo } from '../command.ts';
import { Child } from './child.ts';
import { type Plan, RUN_ID } from './plan.ts';
import type { Tally } from './tally.ts';
import { followTrainer, readSteps } from './trainer.ts';
import { LiveView, stepLine, type TrainerStep, viewLines } from './view.ts';

export interface Training {
  readonly plan: Plan;
  /** Addresses. */
  readonly server: string;
  readonly policy: string;
  /** Where the trainer keeps its steps. */
  readonly stepsFile: string;
  readonly tally: Tally;
  /** Of earlier sittings. */
  readonly secondsBefore: number;
  /** Called after each step, with the seconds of training until then. */
  readonly onStep: (trainSeconds: number) => Promise<void>;
  readonly io: CommandIo;
  /** Fires at Ctrl-C, and when something that training needs has ended. */
  readonly signal: AbortSignal;
}

/** Runs the trainer to its end; resolves with the steps of all sittings. */
export async function train(
  training: Training,
): Promise<{ readonly steps: readonly TrainerStep[]; readonly trainSeconds: number }> {
  const { plan, io, tally, stepsFile, signal } = training;
  const start = performance.now();
  const seconds = (): number => training.secondsBefore + (performance.now() - start) / 1000;
  const steps = new Map(readSteps(stepsFile).map((step) => [step.step, step]));
  const view = new LiveView(io.raw ?? io.out);
  const draw = (): void =>
    view.draw(
      viewLines(
        {
          phase: 'training',
          maxSteps: plan.maxSteps,
          steps: [...steps.values()],
          rollouts: tally.rollouts,
          sampledTokens: tally.ledger.sampled,
          elapsedSeconds: seconds(),
          toolCalls: tally.toolCalls,
          ledger: tally.ledger,
        },
        io.columns,
      ),
    );
  await using trainer = new Child('trainer', '../../../examples/trainers/grpo', [
    ...['--server', training.server, '--policy', training.policy, '--run', RUN_ID],
    ...['--max-steps', String(plan.maxSteps), '--keep', stepsFile, '--json'],
    ...['--goal', String(plan.goal), '--goal-steps', String(plan.goalSteps)],
    // Its server is this process.
    '--no-reconnect',
  ]);
  const timer = io.terminal ? setInterval(draw, 200) : undefined;
  try {
    for await (const step of followTrainer(trainer, signal)) {
      steps.set(step.step, step);
      if (!io.terminal) io.out(`${stepLine(step)}\n`);
      await training.onStep(seconds());
    }
    await trainer.succeeded();
  } finally {
    clearInterval(timer);
    if (io.terminal) draw();
  }
  return { steps: [...steps.values()], trainSeconds: seconds() };
}
