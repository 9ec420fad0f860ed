import type { ParseArgsConfig } from 'node:util';

/** Where a command writes, and when it must stop; a test gives its own. */
export interface CommandIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** For colours, redrawn lines and data: `main` shows all else without what a terminal acts on. Default: `out`. */
  readonly raw?: (text: string) => void;
  /** True when `out` is a terminal that can be redrawn. */
  readonly terminal: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where a configuration file is looked for. Default: the process's own working directory. */
  readonly folder?: string;
  /** Fires at Ctrl-C and SIGTERM: finish what is cheap to finish, and return. */
  readonly signal: AbortSignal;
}

export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value in the help: `PORT`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionValues = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;

/** What every command has beside its own options. */
const COMMON_OPTIONS: Readonly<Record<string, CommandOption>> = {
  config: {
    type: 'string',
    value: 'FILE',
    help: 'Options from this file. Default: lachesis.config.ts, .mjs, .json or .yaml, if any.',
  },
  'print-config': {
    type: 'boolean',
    help: 'Show each option and where it comes from; do no more.',
  },
  help: { type: 'boolean', short: 'h', help: 'Show this.' },
};

/** One word after `lachesis`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** After the name: `FILE... [options]`. */
  readonly usage: string;
  /** Lines that teach by example. */
  readonly examples: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Resolves with the exit code. */
  run(
    input: { readonly positionals: readonly string[]; readonly values: OptionValues },
    io: CommandIo,
  ): Promise<number>;
}

export function parseConfig(command: Command, args: readonly string[]): ParseArgsConfig {
  return {
    args: [...args],
    // A word that nobody reads would be a mistake that nobody is told of.
    allowPositionals: /^\[?[A-Z]/.test(command.usage),
    strict: true,
    options: {
      ...Object.fromEntries(
        Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
          ([name, { type, multiple, short }]) => [
            name,
            {
              type,
              ...(multiple === undefined ? {} : { multiple }),
              ...(short === undefined ? {} : { short }),
            },
          ],
        ),
      ),
    },
  };
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, option]): [string, string] => [
      `${option.short === undefined ? '   ' : `-${option.short},`} --${name}${option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''}`,
      option.help,
    ],
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    command.summary,
    '',
    `  lachesis ${command.name} ${command.usage}`,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'For example:',
    ...command.examples.map((line) => `  ${line}`),
    '',
    'Each option may also stand in the environment (--some-name is LACHESIS_SOME_NAME) or in',
    'lachesis.config.ts; a flag beats a variable, and a variable beats the file.',
    '',
  ].join('\n');
}
