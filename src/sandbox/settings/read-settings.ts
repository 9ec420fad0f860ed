import { invalidInput, LachesisError } from '../../errors.ts';
import { sshOptions, sshSource } from '../backends/ssh/settings.ts';
import { BACKEND_NAMES, type BackendName } from '../backends/table.ts';
import { checkSpec } from '../contract/check.ts';
import { ISOLATION_LEVELS } from '../contract/isolation.ts';
import type { SandboxNetwork, SandboxResources, SandboxSpec } from '../contract/spec.ts';
import { refusedByOption } from './option-names.ts';
import { readNumber, readWord } from './read-values.ts';
import { IMAGE_VARIABLES, seedBackend, seedSettings } from './seed-variables.ts';
import type { SandboxOptionName, SandboxSettings, SettingsSource } from './settings.ts';

type TextOf = (name: SandboxOptionName) => string | undefined;

/**
 * What options and the seed's variables ask for, ours first; throws an `invalid_input` that names the option
 * or variable. Pure: what works here is found out by whoever opens the backend.
 */
export function readSandboxSettings(source: SettingsSource): SandboxSettings {
  const { options, environment, platform } = source;
  const text: TextOf = (name) => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  const { backend, chosenBy } = chooseBackend(text('sandbox'), environment, platform);
  const seed = backend === 'none' ? { resources: {} } : seedSettings(environment, backend);
  const minimum = text('isolation-minimum');
  const ssh = sshSource(options, environment);
  // What is misspelled is told by its name; that no host is named is told by whoever opens the backend.
  if (backend === 'ssh' && ssh.said['ssh-host'] !== undefined) sshOptions(ssh);
  const own = (name: SandboxOptionName, least: number): number | undefined => {
    const value = text(name);
    return value === undefined ? undefined : readNumber(value, `--${name}`, { least });
  };
  const maxTotal = own('sandbox-max', 1) ?? seed.maxTotal;
  const minIdle = own('sandbox-min-idle', 0) ?? 0;
  if (minIdle > (maxTotal ?? Infinity)) {
    throw invalidInput('--sandbox-min-idle', `is ${minIdle}, more than --sandbox-max ${maxTotal}.`);
  }
  const spec = specOf(text, seed);
  const isSeeds = text('sandbox-image') === undefined && backend !== 'none';
  const imageFrom = (isSeeds ? IMAGE_VARIABLES[backend] : undefined) ?? '--sandbox-image';
  assertMeaning(spec, imageFrom);
  return Object.freeze({
    backend,
    chosenBy,
    minimumIsolation:
      minimum === undefined
        ? undefined
        : readWord(minimum, '--isolation-minimum', ISOLATION_LEVELS),
    allowUnsandboxed: options['allow-unsandboxed'] === true,
    pool: {
      ...(maxTotal === undefined ? {} : { maxTotal }),
      ...(seed.maxUses === undefined ? {} : { maxUses: seed.maxUses }),
      ...(seed.idleMs === undefined ? {} : { idleMs: seed.idleMs }),
    },
    minIdle,
    spec,
    imageFrom,
    wishes: seed.resources,
    commandTimeoutMs: seed.commandTimeoutMs,
    ssh,
  });
}

/** What a system has that asks for nothing: boxes on Linux, a simulated shell elsewhere. */
export function defaultBackend(platform: string): BackendName {
  return platform === 'linux' ? 'bubblewrap' : 'just-bash';
}

function chooseBackend(
  given: string | undefined,
  environment: SettingsSource['environment'],
  platform: string,
): Pick<SandboxSettings, 'backend' | 'chosenBy'> {
  if (given !== undefined) {
    const backend = readWord(given, '--sandbox', [...BACKEND_NAMES, 'none' as const]);
    return { backend, chosenBy: '--sandbox' };
  }
  const seed = seedBackend(environment, defaultBackend(platform));
  if (seed !== undefined) return { backend: seed, chosenBy: 'TERMINAL_ENV' };
  return { backend: defaultBackend(platform), chosenBy: 'default' };
}

function specOf(
  text: TextOf,
  seed: { readonly image?: string; readonly workdir?: string },
): SandboxSpec {
  const image = text('sandbox-image') ?? seed.image;
  const network = text('sandbox-network');
  const resources: Record<string, number> = {};
  for (const [name, key, whole] of [
    ['sandbox-cpus', 'cpus', false],
    ['sandbox-memory', 'memoryMiB', true],
    ['sandbox-disk', 'diskMiB', true],
    ['sandbox-pids', 'pids', true],
  ] as const) {
    const value = text(name);
    if (value !== undefined) resources[key] = readNumber(value, `--${name}`, { least: 1, whole });
  }
  return {
    ...(image === undefined ? {} : { image }),
    ...(seed.workdir === undefined ? {} : { workdir: seed.workdir }),
    ...(network === undefined ? {} : { network: readNetwork(network) }),
    ...(Object.keys(resources).length === 0 ? {} : { resources: resources as SandboxResources }),
  };
}

/** What no backend could give, told by the option though no sandbox may ever be made. */
function assertMeaning(spec: SandboxSpec, imageFrom: string): void {
  try {
    checkSpec(spec);
  } catch (error) {
    if (!(error instanceof LachesisError)) throw error;
    throw refusedByOption(error.message, error.remedy, { image: imageFrom }) ?? error;
  }
}

/** `none`, `open`, or the names of hosts. */
function readNetwork(text: string): SandboxNetwork {
  if (text === 'none' || text === 'open') return text;
  const allow = text.split(',').map((host) => host.trim());
  if (allow.every((host) => /^[A-Za-z0-9*][A-Za-z0-9.*:-]*$/.test(host) && /[.:*]/.test(host))) {
    return { allow };
  }
  throw invalidInput('--sandbox-network', `is "${text}"; give none, open, or hosts: a.org,b.org.`);
}
