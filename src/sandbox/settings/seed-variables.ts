import { invalidInput } from '../../errors.ts';
import type { BackendName } from '../backends/table.ts';
import { BACKEND_NAMES, isBackendName } from '../backends/table.ts';
import type { SandboxResources } from '../contract/spec.ts';
import { readNumber, readWord } from './read-values.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** What the seed's variables say of a backend; undefined where they are silent. */
export interface SeedSettings {
  readonly maxTotal?: number;
  readonly maxUses?: number;
  readonly idleMs?: number;
  readonly image?: string;
  readonly workdir?: string;
  readonly commandTimeoutMs?: number;
  readonly resources: SandboxResources;
}

const SEED_POOL_SIZE = 4;
export const IMAGE_VARIABLES: Partial<Record<BackendName, string>> = {
  docker: 'TERMINAL_DOCKER_IMAGE',
  modal: 'TERMINAL_MODAL_IMAGE',
};
/** In which the seed's limits of containers mean something. */
const CONTAINERS: ReadonlySet<string> = new Set(['docker', 'modal', 'e2b']);

/** The backend that `TERMINAL_ENV` asks for. Its `local` is the host; here it is the system's own default. */
export function seedBackend(environment: Variables, local: BackendName): BackendName | undefined {
  const text = settingOf(environment, 'TERMINAL_ENV');
  if (text === undefined) return undefined;
  if (text === 'local') return local;
  if (isBackendName(text)) return text;
  const known = ['local', ...BACKEND_NAMES].join(', ');
  throw invalidInput('TERMINAL_ENV', `is "${text}", which is no backend here; give ${known}.`);
}

/**
 * The seed's other variables, as far as they concern this backend. A malformed one is refused though it concerns
 * another: it was meant to say something.
 */
export function seedSettings(environment: Variables, backend: BackendName): SeedSettings {
  const number = (name: string, least: number): number | undefined => {
    const text = settingOf(environment, name);
    return text === undefined ? undefined : readNumber(text, name, { least });
  };
  const timeout = number('TERMINAL_TIMEOUT', 1);
  const idle = number('TERMINAL_LIFETIME_SECONDS', 1);
  const limits = resources(environment, number);
  const pool = modalPool(environment, number);
  const isContainer = CONTAINERS.has(backend);
  const imageVariable = IMAGE_VARIABLES[backend];
  const image = imageVariable === undefined ? undefined : settingOf(environment, imageVariable);
  const workdir = isContainer ? settingOf(environment, 'TERMINAL_CWD') : undefined;
  return {
    ...(timeout === undefined ? {} : { commandTimeoutMs: timeout * 1_000 }),
    ...(idle === undefined ? {} : { idleMs: idle * 1_000 }),
    ...(image === undefined ? {} : { image }),
    // The seed leaves out what can only be a folder of the host.
    ...(workdir === undefined || isHostFolder(workdir) ? {} : { workdir }),
    ...(backend === 'modal' ? pool : {}),
    resources: isContainer ? limits : {},
  };
}

function modalPool(
  environment: Variables,
  number: (name: string, least: number) => number | undefined,
): Pick<SeedSettings, 'maxTotal' | 'maxUses'> {
  const most = number('TERMINAL_MODAL_POOL_MAX', 1);
  const size = number('TERMINAL_MODAL_POOL_SIZE', 1);
  const text = settingOf(environment, 'TERMINAL_MODAL_MODE');
  if (text === undefined) return {};
  const mode = readWord(text, 'TERMINAL_MODAL_MODE', ['default', 'auto', 'direct', 'pool']);
  // Outside of its pool the seed makes a sandbox for each task.
  if (mode !== 'pool') return { maxUses: 1 };
  return { maxTotal: most ?? size ?? SEED_POOL_SIZE };
}

function resources(
  environment: Variables,
  number: (name: string, least: number) => number | undefined,
): SandboxResources {
  const cpu = settingOf(environment, 'TERMINAL_CONTAINER_CPU');
  const cpus =
    cpu === undefined ? undefined : readNumber(cpu, 'TERMINAL_CONTAINER_CPU', { whole: false });
  const memoryMiB = number('TERMINAL_CONTAINER_MEMORY', 1);
  const diskMiB = number('TERMINAL_CONTAINER_DISK', 1);
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(diskMiB === undefined ? {} : { diskMiB }),
  };
}

function isHostFolder(folder: string): boolean {
  return !folder.startsWith('/') || /^\/(home|Users)\//.test(folder);
}

/** An empty variable is how shells say "not set". */
function settingOf(environment: Variables, name: string): string | undefined {
  const text = environment[name];
  return text === undefined || text === '' ? undefined : text;
}
