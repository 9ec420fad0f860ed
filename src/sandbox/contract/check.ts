import { clipText, invalidInput } from '../../errors.ts';
import type { Command } from './command.ts';
import type { SandboxResources, SandboxSpec } from './spec.ts';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The tightest backend's; what is longer goes by stdin. */
const MAX_ARGUMENT_BYTES = 65_536;
/** More than any host has; what is above is a slip, and would be told by whatever fails of it later. */
const MOST: Readonly<Record<keyof SandboxResources, number>> = Object.freeze({
  cpus: 4_096,
  // 16 TiB.
  memoryMiB: 16_777_216,
  diskMiB: 16_777_216,
  // What Linux can number.
  pids: 4_194_304,
});

/** What a spec may say; anything else is a slip, and types are stripped, not checked. */
const SPEC_FIELDS: Readonly<Record<keyof SandboxSpec, true>> = Object.freeze({
  image: true,
  workdir: true,
  writable: true,
  env: true,
  resources: true,
  network: true,
  providerOptions: true,
});
/** With less no backend runs a shell with a pipe in it. */
const LEAST: Readonly<Record<keyof SandboxResources, number>> = Object.freeze({
  cpus: 0.001,
  memoryMiB: 8,
  diskMiB: 1,
  pids: 8,
});

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
  checkFields(spec, 'sandbox', SPEC_FIELDS);
  const { image, workdir, writable = [], env = {}, resources = {} } = spec;
  const { network = 'none', providerOptions = {} } = spec;
  if (image !== undefined) checkText(image, 'sandbox.image');
  if (image === '') throw invalidInput('sandbox.image', 'is empty; leave it out for the default.');
  if (workdir !== undefined) {
    checkPath(workdir, 'sandbox.workdir');
    if (/\/\.\.?(\/|$)/.test(workdir)) {
      throw invalidInput(
        'sandbox.workdir',
        `is ${shown(workdir)}; no part may be \`.\` or \`..\`.`,
      );
    }
  }
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
  checkResources(resources);
  checkObject(providerOptions, 'sandbox.providerOptions');
  if (
    typeof network === 'string'
      ? !['none', 'open'].includes(network)
      : !Array.isArray(network?.allow) || network.allow.some((host) => typeof host !== 'string')
  ) {
    throw invalidInput('sandbox.network', 'is neither `none`, `open` nor `{ allow: [...] }`.');
  }
}

function checkResources(resources: SandboxResources): void {
  checkFields(resources, 'sandbox.resources', LEAST);
  for (const [name, value] of Object.entries(resources)) {
    const [least, most] = [
      LEAST[name as keyof SandboxResources],
      MOST[name as keyof SandboxResources],
    ];
    const isWhole = name === 'pids';
    const fits = isWhole ? Number.isInteger(value) : Number.isFinite(value);
    if (value !== undefined && !(fits && value >= least)) {
      throw invalidInput(
        `sandbox.resources.${name}`,
        `is ${shown(value)}; a ${isWhole ? 'whole ' : ''}number of at least ${least} is needed.`,
      );
    }
    if (value > most) {
      throw invalidInput(`sandbox.resources.${name}`, `is ${value}; ${most} is the most.`);
    }
  }
}

/** An object that says nothing but these. */
function checkFields(
  value: unknown,
  field: string,
  known: Readonly<Record<string, unknown>>,
): void {
  checkObject(value, field);
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(known, key));
  if (unknown === undefined) return;
  throw invalidInput(`${field}.${clipText(unknown, 100)}`, 'is not known.', {
    remedy: `There may be: ${Object.keys(known).join(', ')}.`,
  });
}

function checkObject(value: unknown, field: string): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput(field, `is ${shown(value)}; an object is needed.`);
  }
}

function shown(value: unknown): string {
  return clipText(
    typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)),
    200,
  );
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
  checkObject(env, field);
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
