import type { HostedEnvironment } from '../../environment/index.ts';
import { clipText, invalidInput } from '../../errors.ts';
import type { Command, CommandIo, OptionValues } from '../command.ts';
import { Hosting } from '../hosting.ts';
import { integerOption, SETTING_OPTIONS, settingsOption, textOption } from '../read-options.ts';
import { SANDBOX_OPTIONS } from '../sandbox-options.ts';
import type { Check } from './check.ts';
import { checkRewards, type RewardLimits } from './check-rewards.ts';
import { checkTasks } from './check-tasks.ts';
import { checkTools } from './check-tools.ts';

/** A broken reward fails every task alike; the first few say it. */
const MAX_FAILURES_SHOWN = 10;
const MAX_REASON_BYTES = 500;

/** `lachesis validate FILE...`: finds what would spoil a training run before it is begun. */
export const validateCommand: Command = {
  name: 'validate',
  summary: "Check an environment's tasks, tools and rewards without a model.",
  usage: 'FILE... [options]',
  examples: [
    'lachesis validate environment.ts',
    'lachesis validate examples/environments/gsm8k.ts --data test.jsonl --tasks 200',
    'lachesis validate environment.ts --solved-at 0.9 --null-most 0.1',
  ],
  options: {
    tasks: { type: 'string', value: 'N', help: 'Tasks to play, spread evenly. Default: 20.' },
    ...SETTING_OPTIONS,
    ...SANDBOX_OPTIONS,
    'solved-at': {
      type: 'string',
      value: 'X',
      help: "Least reward that the environment's own `solution` of a task must earn. Default: 1.",
    },
    'null-most': {
      type: 'string',
      value: 'X',
      help: 'Most reward that an agent may earn who says nothing of use. Default: 0.25.',
    },
  },
  run: async ({ positionals, values }, io) => {
    if (positionals.length === 0) {
      throw invalidInput('FILE', 'is missing; give at least one file with an environment.');
    }
    const sample = integerOption(values, 'tasks', 1) ?? 20;
    const limits: RewardLimits = {
      solvedAt: numberOption(values, 'solved-at') ?? 1,
      nullMost: numberOption(values, 'null-most') ?? 0.25,
    };
    await using hosting = await Hosting.open({
      files: positionals,
      settings: settingsOption(values),
      values,
      io,
    });
    let failures = 0;
    for (const environment of hosting.environments) {
      const checks = await checkEnvironment(environment, sample, limits, io.signal);
      report(environment.name, checks, io);
      failures += checks.reduce((sum, check) => sum + check.failures.length, 0);
    }
    return (await hosting.end()) && failures === 0 ? 0 : 1;
  },
};

async function checkEnvironment(
  environment: HostedEnvironment,
  size: number,
  limits: RewardLimits,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { check, sample } = await checkTasks(environment, { sample: size, signal });
  const rewards = await checkRewards(environment, sample, limits, signal);
  return [check, checkTools(environment), ...rewards];
}

function report(name: string, checks: readonly Check[], io: CommandIo): void {
  io.out(`${name}\n`);
  const width = Math.max(...checks.map((check) => check.name.length));
  for (const check of checks) {
    io.out(`  ${check.name.padEnd(width)}  ${check.status.padEnd(7)}  ${check.detail}\n`);
  }
  for (const check of checks) {
    for (const { subject, reason } of check.failures.slice(0, MAX_FAILURES_SHOWN)) {
      io.err(`FAILED ${check.name}: ${subject}: ${clipText(reason, MAX_REASON_BYTES)}\n`);
    }
    const more = check.failures.length - MAX_FAILURES_SHOWN;
    if (more > 0) io.err(`FAILED ${check.name}: and ${more} more\n`);
  }
}

function numberOption(values: OptionValues, name: string): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw invalidInput(`--${name}`, `is "${text}"; give a number.`);
}
