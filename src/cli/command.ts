import type { ParseArgsConfig } from 'node:util';

/** Where a command writes, and when it must stop; a test gives its own. */
export interface CommandIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True when `out` is a terminal that can be redrawn. */
  readonly terminal: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
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
    allowPositionals: command.usage.startsWith('FILE'),
    strict: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(
        Object.entries(command.options).map(([name, { type, multiple, short }]) => [
          name,
          {
            type,
            ...(multiple === undefined ? {} : { multiple }),
            ...(short === undefined ? {} : { short }),
          },
        ]),
      ),
    },
  };
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const rows = Object.entries({
    ...command.options,
    help: { type: 'boolean', short: 'h', help: 'Show this.' } as CommandOption,
  }).map(([name, option]): [string, string] => [
    `${option.short === undefined ? '   ' : `-${option.short},`} --${name}${option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''}`,
    option.help,
  ]);
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
  ].join('\n');
}
