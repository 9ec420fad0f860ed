import { parseArgs } from 'node:util';
import { clipText, errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { packageVersion } from '../server/index.ts';
import {
  type Command,
  type CommandIo,
  commandHelp,
  type OptionValues,
  parseConfig,
} from './command.ts';
import { type ConfigEntry, configText, layerOptions, saidByOrigin } from './config.ts';
import { doctorCommand } from './doctor/doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export/export.ts';
import { initCommand } from './init/init.ts';
import { inspectCommand } from './inspect/inspect.ts';
import { policyCommand } from './policy.ts';
import { processCommand } from './process.ts';
import { runCommand } from './runs/run.ts';
import { serveCommand } from './serve.ts';
import { startCommand } from './start/start.ts';
import { storeCommand } from './store/store.ts';
import { validateCommand } from './validate/validate.ts';
import { visibleLines } from './visible.ts';
import { workerCommand } from './worker.ts';

/** A message may quote what a file holds. */
const MAX_ERROR_BYTES = 4_000;

const COMMANDS: readonly Command[] = [
  startCommand,
  serveCommand,
  workerCommand,
  policyCommand,
  runCommand,
  initCommand,
  exportCommand,
  validateCommand,
  processCommand,
  evaluateCommand,
  inspectCommand,
  storeCommand,
  doctorCommand,
];

/** Exit codes: 0 done, 1 failed, 2 what was given is wrong, 130 stopped by Ctrl-C. */
export async function main(args: readonly string[], given: CommandIo): Promise<number> {
  // What is printed may hold words of files, servers and models.
  const io: CommandIo = {
    ...given,
    out: (text) => given.out(visibleLines(text)),
    err: (text) => given.err(visibleLines(text)),
    raw: given.raw ?? given.out,
  };
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.out(overview());
    return 0;
  }
  if (name === '--version' || name === 'version') {
    io.out(`${packageVersion()}\n`);
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    io.err(
      `There is no command "${name}". Commands: ${COMMANDS.map(({ name }) => name).join(', ')}.\n`,
    );
    return 2;
  }
  let input: { readonly positionals: readonly string[]; readonly values: OptionValues };
  try {
    input = parseArgs(parseConfig(command, rest)) as typeof input;
  } catch (error) {
    // Node adds how to write a positional that begins with a dash, which nobody meant.
    const [problem] = errorMessage(error).split('. To specify');
    io.err(`lachesis ${name}: ${problem}. Options: ${Object.keys(command.options).join(', ')}.\n`);
    io.err(`lachesis ${name} --help tells more of each.\n`);
    return 2;
  }
  if (input.values['help'] === true) {
    io.out(commandHelp(command));
    return 0;
  }
  let entries: readonly ConfigEntry[] = [];
  try {
    const { values: flags, positionals } = input;
    if (positionals.includes('')) {
      throw invalidInput('An argument', 'is empty; give a name, or leave it out.');
    }
    const { environment, folder = process.cwd() } = io;
    const layers = { command, commands: COMMANDS, flags, environment };
    const layered = await layerOptions(layers, folder);
    entries = layered.entries;
    if (flags['print-config'] === true) {
      io.out(configText(entries));
      return 0;
    }
    return await command.run({ positionals, values: layered.values }, io);
  } catch (thrown) {
    // What failed at the end stands before what was under way then.
    const error = thrown instanceof SuppressedError ? thrown.error : thrown;
    const isLost = error instanceof LachesisError && error.kind === 'infrastructure_error';
    if (io.signal.aborted && !isLost) return 130;
    if (!(error instanceof LachesisError)) throw thrown;
    const message = saidByOrigin(error, entries);
    io.err(`lachesis ${name}: ${clipText(message, MAX_ERROR_BYTES)}\n`);
    return error.kind === 'invalid_input' ? 2 : 1;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    'Lachesis hosts RL environments and plays them for a trainer, over gRPC.',
    '',
    ...COMMANDS.map(({ name, summary }) => `  lachesis ${name.padEnd(width)}  ${summary}`),
    '',
    'lachesis COMMAND --help tells more of each.',
    '',
  ].join('\n');
}
