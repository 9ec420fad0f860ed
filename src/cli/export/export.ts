import { realpathSync } from 'node:fs';
import { invalidInput } from '../../errors.ts';
import type { Command, CommandIo, OptionValues } from '../command.ts';
import { listOption, textOption } from '../read-options.ts';
import { dpo } from './dpo.ts';
import type { ExportOptions, LineFormat } from './format.ts';
import { jsonl } from './jsonl.ts';
import { LeftOut } from './left-out.ts';
import { replaceFile, writeLines } from './output.ts';
import { type ReadRollout, readRollouts } from './read-rollouts.ts';
import { sft } from './sft.ts';
import { sharegpt } from './sharegpt.ts';
import { ToolColumns } from './tool-columns.ts';

const LINE_FORMATS: Readonly<Record<string, LineFormat>> = { jsonl, sft, dpo, sharegpt };
const WITH_TOOLS = ['sft', 'dpo', 'sharegpt'];
const FORMATS = [...Object.keys(LINE_FORMATS), 'parquet'];

/** `lachesis export FILE...`: rollouts as the files that trainers and tables read. */
export const exportCommand: Command = {
  name: 'export',
  summary:
    'Turn rollout files into training data: SFT, DPO, ShareGPT, Parquet, or a filtered copy.',
  usage: 'FILE... --format FORMAT --out PATH [options]',
  examples: [
    'lachesis export rollouts.jsonl --format sft --min-reward 1 --out sft.jsonl',
    'lachesis export rollouts.jsonl --format sft --tools environment.ts --out sft.jsonl',
    'lachesis export monday.jsonl tuesday.jsonl --format dpo --out pairs.jsonl',
    'lachesis export rollouts.jsonl --format parquet --out rollouts.parquet',
    'lachesis export rollouts.jsonl --format jsonl --environment gsm8k --out - | jq .reward',
  ],
  options: {
    format: {
      type: 'string',
      value: 'FORMAT',
      help: 'jsonl: the lines as they are. sft: chat `messages` of scored rollouts. dpo: `prompt`, `chosen`, `rejected`, of each group the best and the worst. sharegpt: `conversations`. parquet: a table, transcripts as JSON text.',
    },
    out: { type: 'string', value: 'PATH', help: 'The file to write; - is standard output.' },
    'min-reward': {
      type: 'string',
      value: 'X',
      help: 'Leave out rollouts under this reward, and unscored ones. For dpo: the least of the chosen.',
    },
    environment: { type: 'string', value: 'NAME', help: 'Only rollouts of this environment.' },
    tools: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: "The file of the rollouts' environment: rows of sft, dpo and sharegpt have its tools' schemas in a column `tools`, as JSON text. Once for each environment.",
    },
  },
  run: async ({ positionals, values }, io) => {
    if (positionals.length === 0) throw invalidInput('FILE', 'is missing; give a rollout file.');
    const format = textOption(values, 'format');
    if (format === undefined || !FORMATS.includes(format)) {
      const problem = format === undefined ? 'is missing' : `"${format}" is unknown`;
      throw invalidInput('--format', `${problem}; give ${FORMATS.join(', ')}.`);
    }
    const out = textOption(values, 'out');
    if (out === undefined) throw invalidInput('--out', 'is missing; give a path, or -.');
    if (positionals.some((file) => isSameFile(file, out))) {
      throw invalidInput('--out', `is ${out}, which is read; give another file.`);
    }
    const leftOut = new LeftOut();
    const tools = await toolsOption(values, format);
    const options: ExportOptions = { minReward: minRewardOption(values), leftOut, tools };
    const all = readRollouts(positionals, { signal: io.signal });
    const rollouts = ofEnvironment(all, textOption(values, 'environment'), leftOut);
    const lines = LINE_FORMATS[format];
    if (lines === undefined) await exportParquet(out, rollouts, options);
    else await exportLines(out, lines(rollouts, options), leftOut, io);
    io.err(`lachesis export: ${leftOut}\n`);
    for (const warning of tools?.warnings ?? []) io.err(`lachesis export: ${warning}\n`);
    return 0;
  },
};

async function* ofEnvironment(
  rollouts: AsyncIterable<ReadRollout>,
  environment: string | undefined,
  leftOut: LeftOut,
): AsyncGenerator<ReadRollout> {
  for await (const read of rollouts) {
    leftOut.read += 1;
    if (environment === undefined || read.rollout.provenance.environment === environment)
      yield read;
    else leftOut.add('of another environment');
  }
}

async function exportLines(
  out: string,
  lines: AsyncIterable<string>,
  leftOut: LeftOut,
  io: CommandIo,
): Promise<void> {
  const counted = countLines(lines, leftOut);
  if (out === '-') {
    // Data, to the byte.
    const write = io.raw ?? io.out;
    for await (const line of counted) write(`${line}\n`);
    return;
  }
  await replaceFile(out, (file) => writeLines(file, counted));
}

async function* countLines(lines: AsyncIterable<string>, leftOut: LeftOut): AsyncGenerator<string> {
  for await (const line of lines) {
    leftOut.written += 1;
    yield line;
  }
}

async function exportParquet(
  out: string,
  rollouts: AsyncIterable<ReadRollout>,
  options: ExportOptions,
): Promise<void> {
  if (out === '-') throw invalidInput('--out', 'must be a file: Parquet is no text.');
  // Loaded only here: nothing else needs it.
  const { writeParquet } = await import('./parquet.ts');
  await replaceFile(out, (file) => writeParquet(file, rollouts, options));
}

async function toolsOption(values: OptionValues, format: string): Promise<ToolColumns | undefined> {
  const files = listOption(values, 'tools');
  if (files.length === 0) return undefined;
  if (WITH_TOOLS.includes(format)) return await ToolColumns.load(files);
  throw invalidInput('--tools', `is for ${WITH_TOOLS.join(', ')}; ${format} has no such column.`);
}

function minRewardOption(values: OptionValues): number | undefined {
  const text = textOption(values, 'min-reward');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw invalidInput('--min-reward', `is "${text}"; give a number.`);
}

function isSameFile(file: string, other: string): boolean {
  try {
    return realpathSync(file) === realpathSync(other);
  } catch {
    return false;
  }
}
