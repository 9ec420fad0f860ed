import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorMessage, invalidInput } from '../errors.ts';
import type { Command, CommandOption, OptionValues } from './command.ts';
import { type Metrics, metricsOf } from './evaluate/metrics.ts';
import { metricsTable } from './evaluate/table.ts';
import { endingOf } from './process/ending.ts';
import { PLAY_OPTIONS, playPlan, requiredOption } from './process/plan.ts';
import { type Played, playIntoFile } from './process/play-into-file.ts';
import { tallyLines } from './process/progress.ts';
import { textOption } from './read-options.ts';
import { count } from './words.ts';

/** What an environment's `evaluation` may say, which `process` does not read. */
const OWN_DEFAULTS: Readonly<Record<string, CommandOption>> = {
  tasks: {
    type: 'string',
    value: 'N',
    help: "Play the first N tasks, or `all`. Default: the environment's own, else all.",
  },
  split: {
    type: 'string',
    value: 'NAME',
    help: "Only tasks of this split; --split= for all. Default: the environment's own, else all.",
  },
  attempts: {
    type: 'string',
    value: 'N',
    help: "Attempts at each task. Default: the environment's own, else 1.",
  },
};

/** `lachesis evaluate FILE --out FOLDER`: how well a model does, with intervals. */
export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: 'Measure a model on an environment: avg@k and pass@k with intervals, and every sample.',
  usage: 'FILE --out FOLDER [options]',
  examples: [
    'lachesis evaluate examples/environments/gsm8k.ts --data test.jsonl --out results --attempts 4',
    'lachesis evaluate env.ts --out results --attempts 8     # again: adds the attempts 5 to 8',
    'lachesis evaluate env.ts --out results --split test --policy-address 127.0.0.1:8000',
  ],
  options: {
    out: {
      type: 'string',
      value: 'FOLDER',
      help: 'For samples.jsonl (a rollout file, which a second run goes on with) and metrics.json.',
    },
    'solved-at': {
      type: 'string',
      value: 'X',
      help: "The least reward of a solved attempt. Default: the environment's own, else 1.",
    },
    ...PLAY_OPTIONS,
    ...OWN_DEFAULTS,
  },
  run: async ({ positionals, values }, io) => {
    const plan = playPlan(positionals, values);
    const folder = requiredOption(values, 'out', 'Give the folder for the results: --out FOLDER.');
    const evaluation = { solvedAt: solvedAtOption(values) };
    makeFolder(folder);
    const file = path.join(folder, 'samples.jsonl');
    const keep = (played: Played): Metrics => {
      const metrics = metricsOf(played);
      writeMetrics(path.join(folder, 'metrics.json'), metrics);
      return metrics;
    };
    const played = await playIntoFile(
      { plan, values, file, evaluation, onStep: (soFar) => void keep(soFar) },
      io,
    );
    const metrics = keep(played);
    const { tally, seconds, kept } = played;
    io.out(
      `${count(tally.rows - kept)} rows played in ${seconds.toFixed(1)} s, ${count(kept)} kept\n`,
    );
    io.out(`${tallyLines(tally).join('\n')}\n\n${metricsTable(metrics)}`);
    io.out(`written to  ${path.resolve(folder)}\n`);
    return endingOf(played, io);
  },
};

function solvedAtOption(values: OptionValues): number | undefined {
  const text = textOption(values, 'solved-at');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw invalidInput('--solved-at', `is "${text}"; give a number.`);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw invalidInput('--out', `can't be made: ${errorMessage(error)}.`, { cause: error });
  }
}

/** In one step, so that whoever reads it meanwhile never finds half of it. */
function writeMetrics(file: string, metrics: Metrics): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(metrics, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
