import { invalidInput } from '../../errors.ts';
import type { Command } from './command.ts';
import type { SandboxSpec } from './spec.ts';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The tightest backend's; what is longer goes by stdin. */
const MAX_ARGUMENT_BYTES = 65_536;
/** More than any host has; what is above is a slip, and would be told by whatever fails of it later. */
const MOST: Readonly<Record<string, number>> = {
  cpus: 4_096,
  // 16 TiB.
  memoryMiB: 16_777_216,
  diskMiB: 16_777_216,
  // What Linux can number.
  pids: 4_194_304,
};

/** Refuses a command that some backend could not run, with one message for all of them. */
export function checkCommand(command: Command): void {
  const { argv, cwd, env = {} } = command;
  if (!Array.isArray(argv) || argv.length === 0 || argv[0] === '') {
    throw invalidInput('command.argv', 'names no program.');
  }
  let bytes = 0;
  argv.forEach((argument, i) => {
    checkText(argument, `command.argv[${i}]`);
    bytes += Buffer.byteLength(argument) + 1;
  });
  if (bytes > MAX_ARGUMENT_BYTES) {
    throw invalidInput(
      'command.argv',
      `is ${bytes} bytes long; ${MAX_ARGUMENT_BYTES} are allowed.`,
      {
        remedy: 'Give long text by `stdin`.',
      },
    );
  }
  if (cwd !== undefined) checkPath(cwd, 'command.cwd');
  checkEnv(env, 'command.env');
}

/** Refuses a spec that no backend could mean the same by. */
export function checkSpec(spec: SandboxSpec): void {
  const { image, workdir, writable = [], env = {}, resources = {}, network = 'none' } = spec;
  if (image !== undefined) checkText(image, 'sandbox.image');
  if (image === '') throw invalidInput('sandbox.image', 'is empty; leave it out for the default.');
  if (workdir !== undefined) checkPath(workdir, 'sandbox.workdir');
  if (!Array.isArray(writable)) throw invalidInput('sandbox.writable', 'is no list of folders.');
  writable.forEach((each, i) => {
    const field = `sandbox.writable[${i}]`;
    checkPath(each, field);
    // One of the system's own would hide what is in it.
    if (
      !/^\/(?!(usr|s?bin|lib\w*|etc|proc|sys|dev|run|boot|var)(\/|$))\w[\w.-]*(\/\w[\w.-]*)*$/.test(
        each,
      )
    ) {
      throw invalidInput(
        field,
        `is ${JSON.stringify(each)}; a folder such as \`/tests\` is needed.`,
      );
    }
  });
  checkEnv(env, 'sandbox.env');
  for (const [name, value] of Object.entries(resources)) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw invalidInput(`sandbox.resources.${name}`, `is ${value}; a number above 0 is needed.`);
    }
    const most = MOST[name] ?? Infinity;
    if (value !== undefined && value > most) {
      throw invalidInput(`sandbox.resources.${name}`, `is ${value}; ${most} is the most.`);
    }
  }
  if (
    typeof network === 'string'
      ? !['none', 'open'].includes(network)
      : !Array.isArray(network?.allow)
  ) {
    throw invalidInput('sandbox.network', 'is neither `none`, `open` nor `{ allow: [...] }`.');
  }
}

/** A path of a sandbox: absolute, without NUL. */
export function checkPath(path: string, field: string): void {
  checkText(path, field);
  if (!path.startsWith('/')) {
    throw invalidInput(
      field,
      `is ${JSON.stringify(path.slice(0, 200))}; an absolute path is needed.`,
    );
  }
}

function checkEnv(env: Readonly<Record<string, string>>, field: string): void {
  for (const [name, value] of Object.entries(env)) {
    if (!ENV_NAME.test(name)) {
      throw invalidInput(
        `${field}[${JSON.stringify(name.slice(0, 100))}]`,
        'is no name of a variable.',
        {
          remedy: 'Use letters, digits and `_`, not beginning with a digit.',
        },
      );
    }
    checkText(value, `${field}.${name}`);
  }
}

function checkText(text: unknown, field: string): asserts text is string {
  if (typeof text !== 'string') throw invalidInput(field, 'is no text.');
  if (text.includes('\0')) throw invalidInput(field, 'holds a NUL character.');
}
