import { pause } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';
import type { Command, CommandIo, OptionValues } from '../command.ts';
import { textOption } from '../read-options.ts';
import { SANDBOX_OPTIONS } from '../sandbox-options.ts';
import { count } from '../words.ts';
import { KeptStart, newRecord, type StartRecord } from './kept-start.ts';
import { assertSamePlan, DEFAULT_ENVIRONMENT, planOf } from './plan.ts';
import { play } from './play.ts';
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
      help: `One of examples/environments; only of ${DEFAULT_ENVIRONMENT} must the reward rise. Default: ${DEFAULT_ENVIRONMENT}.`,
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
    const begun =
      values['resume'] === true ? resumed(kept, values) : await begunAnew(kept, values, io);
    if (begun.ended !== undefined) return tellEnded(begun.ended, folder, io);
    await kept.write(begun);
    let last: Awaited<ReturnType<typeof play>>;
    try {
      last = await play(kept, begun, values, io);
    } catch (error) {
      if (!io.signal.aborted) await pause(CTRL_C_MS, io.signal);
      const steps = readSteps(kept.steps).length;
      const goOn = commandLine(['--resume'], folder);
      io.out(`Stopped after ${count(steps)} steps; all of it is kept. To go on: ${goOn}\n`);
      // By the same Ctrl-C.
      const isPart = error instanceof LachesisError && error.reason === 'CHILD_FAILED';
      if (io.signal.aborted && isPart) return 130;
      throw error;
    }
    const { outcome, record } = last;
    const ended = {
      lines: summaryLines(outcome),
      failures: verdict(outcome, record.plan.environment),
    };
    await kept.write({ ...record, ended });
    return tell(ended, io);
  },
};

/** Nothing of an earlier one is mixed into it; its rollout files stay. */
async function begunAnew(
  kept: KeptStart,
  values: OptionValues,
  io: CommandIo,
): Promise<StartRecord> {
  const plan = planOf(values);
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

function tellEnded(ended: Ended, folder: string, io: CommandIo): number {
  const anew = commandLine([], folder);
  io.out(`This one has ended, with what follows. To begin anew: ${anew}\n`);
  return tell(ended, io);
}

/** How it is called here: a checkout has npm's word for it. */
function commandLine(options: readonly string[], folder: string): string {
  const all = [...options, ...(folder === DEFAULT_FOLDER ? [] : ['--out', folder])];
  if (!import.meta.url.endsWith('.ts')) return ['npx lachesis start', ...all].join(' ');
  return ['npm start', ...(all.length > 0 ? ['--', ...all] : [])].join(' ');
}
