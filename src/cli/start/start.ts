import { pause } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';
import type { Command, CommandIo, OptionValues } from '../command.ts';
import { textOption } from '../read-options.ts';
import { SANDBOX_OPTIONS } from '../sandbox-options.ts';
import { count } from '../words.ts';
import { KeptStart, newRecord, type StartRecord } from './kept-start.ts';
import { assertSamePlan, DEFAULT_ENVIRONMENT, environmentOf, type Plan, planOf } from './plan.ts';
import { play } from './play.ts';
import { playSolutions } from './play-solutions.ts';
import { openStartEnvironment, type StartEnvironment } from './start-environment.ts';
import { summaryLines, verdict } from './summary.ts';
import { readSteps } from './trainer.ts';

const DEFAULT_FOLDER = '.lachesis/start';
/** Within it, what a Ctrl-C did to a part is known to be one. */
const CTRL_C_MS = 250;

/** `lachesis start`: a policy learns to use tools, end to end, on this machine. */
export const startCommand: Command = {
  name: 'start',
  summary:
    'The quick start: a server, a policy and a trainer on this machine; watch the reward rise.',
  usage: '[options]',
  examples: [
    'lachesis start',
    'lachesis start --resume   # after Ctrl-C or a crash',
    'lachesis start --seed 2',
    'lachesis start --env terminal-tasks   # commands in sandboxes',
    'lachesis start --quick    # what CI runs',
  ],
  options: {
    resume: {
      type: 'boolean',
      help: 'Go on with the last one, where it was stopped. Default: begin anew.',
    },
    quick: {
      type: 'boolean',
      help: 'Fewer episodes and steps; fails just the same if the reward does not rise.',
    },
    env: {
      type: 'string',
      value: 'NAME',
      help: `One of examples/environments; only of ${DEFAULT_ENVIRONMENT} must the reward rise. One whose agents write commands is played by its solutions. Default: ${DEFAULT_ENVIRONMENT}.`,
    },
    train: {
      type: 'boolean',
      help: 'Train also on an environment whose agents write commands; the policy is too small to learn it.',
    },
    ...SANDBOX_OPTIONS,
    seed: { type: 'string', value: 'N', help: 'Seed of the policy and of the tasks. Default: 1.' },
    'max-steps': { type: 'string', value: 'N', help: 'Most training steps. Default: 60.' },
    out: {
      type: 'string',
      value: 'FOLDER',
      help: `Where it is kept, and rollouts are written. Default: ${DEFAULT_FOLDER}.`,
    },
  },
  run: async ({ values }, io) => {
    const folder = textOption(values, 'out') ?? DEFAULT_FOLDER;
    using kept = await KeptStart.open(folder);
    const isResumed = values['resume'] === true;
    const before = isResumed ? resumed(kept, values) : undefined;
    if (before?.ended !== undefined) return tellEnded(before.ended, before.plan, folder, io);
    const name = before?.plan.environment ?? environmentOf(values);
    // First: what an earlier one kept outlives an environment that can't be played here.
    await using hosted = await openStartEnvironment(name, values, io);
    const begun = before ?? (await begunAnew(kept, values, hosted, io));
    await kept.write(begun);
    let last: StartRecord;
    try {
      last = begun.plan.plays
        ? await playSolutions(kept, begun, hosted, io)
        : await trained(kept, begun, hosted, io);
    } catch (error) {
      if (!io.signal.aborted) await pause(CTRL_C_MS, io.signal);
      const goOn = commandLine(['--resume'], folder);
      io.out(`Stopped after ${doneText(kept, begun)}; all of it is kept. To go on: ${goOn}\n`);
      // By the same Ctrl-C.
      const isPart = error instanceof LachesisError && error.reason === 'CHILD_FAILED';
      if (io.signal.aborted && isPart) return 130;
      throw error;
    }
    await kept.write(last);
    return last.ended === undefined ? 1 : tell(last.ended, io);
  },
};

async function trained(
  kept: KeptStart,
  begun: StartRecord,
  hosted: StartEnvironment,
  io: CommandIo,
): Promise<StartRecord> {
  const { outcome, record } = await play(kept, begun, hosted, io);
  const failures = verdict(outcome, record.plan.environment);
  return { ...record, ended: { lines: summaryLines(outcome), failures } };
}

function doneText(kept: KeptStart, { plan }: StartRecord): string {
  if (!plan.plays) return `${count(readSteps(kept.steps).length)} steps`;
  return `${count(kept.read()?.played?.length ?? 0)} rollouts`;
}

/** Nothing of an earlier one is mixed into it; its rollout files stay. */
async function begunAnew(
  kept: KeptStart,
  values: OptionValues,
  { environment }: StartEnvironment,
  io: CommandIo,
): Promise<StartRecord> {
  const plan = planOf(values, environment.definition.sandbox !== undefined);
  await kept.untilFree(io.signal);
  if (await kept.clear())
    io.out('Begins anew: what the last one had kept is gone, its rollout files aside.\n');
  return newRecord(plan);
}

function resumed(kept: KeptStart, values: OptionValues): StartRecord {
  const record = kept.read();
  if (record === undefined) {
    throw new LachesisError('failed_precondition', 'there is nothing to resume.', {
      reason: 'NOTHING_TO_RESUME',
      remedy: 'Begin without --resume, or give the --out that it began with.',
    });
  }
  assertSamePlan(values, record.plan);
  if (record.ended !== undefined) return record;
  kept.assertWhole(record);
  return { ...record, resumed: record.resumed + 1 };
}

type Ended = NonNullable<StartRecord['ended']>;

function tell({ lines, failures }: Ended, io: CommandIo): number {
  io.out(`${lines.join('\n')}\n`);
  for (const failure of failures) io.err(`FAILED: ${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

function tellEnded(ended: Ended, plan: Plan, folder: string, io: CommandIo): number {
  const { environment = DEFAULT_ENVIRONMENT } = plan;
  const options = [
    ...(environment === DEFAULT_ENVIRONMENT ? [] : ['--env', environment]),
    ...(plan.plays === false ? ['--train'] : []),
  ];
  const anew = commandLine(options, folder);
  io.out(`This one has ended, with what follows. To begin anew: ${anew}\n`);
  return tell(ended, io);
}

/** How it is called here: a checkout has npm's word for it. */
function commandLine(options: readonly string[], folder: string): string {
  const all = [...options, ...(folder === DEFAULT_FOLDER ? [] : ['--out', folder])];
  if (!import.meta.url.endsWith('.ts')) return ['npx lachesis start', ...all].join(' ');
  return ['npm start', ...(all.length > 0 ? ['--', ...all] : [])].join(' ');
}
