import type { SandboxBackend } from '../contract/backend.ts';
import { type SshSource, sshOptions, sshSource } from './ssh/settings.ts';

/** What any backend may be told when it is opened; each reads what is its own. */
export interface BackendContext {
  /** Told of what its user must not miss. */
  readonly onWarning: (warning: string) => void;
  /** The `process` backend may run as root. */
  readonly allowRoot: boolean;
  /** For credentials and addresses of providers; read, never written. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the `ssh` backend's host is. Default: as the seed's variables say. */
  readonly ssh?: SshSource;
}

/** Opens a backend; its SDK is loaded then, and not before. */
export type BackendLoader = (context: BackendContext) => Promise<SandboxBackend>;

/** Every backend by its name, strongest default first: a line for each. */
export const BACKENDS = Object.freeze({
  bubblewrap: async () => (await import('./bubblewrap/backend.ts')).createBubblewrapBackend(),
  process: async ({ onWarning, allowRoot }) =>
    (await import('./process/backend.ts')).createProcessBackend({ onWarning, allowRoot }),
  'just-bash': async () => (await import('./just-bash/backend.ts')).createJustBashBackend(),
  docker: async () => (await import('./docker/backend.ts')).createDockerBackend(),
  modal: async ({ onWarning }) =>
    (await import('./modal/backend.ts')).createModalBackend({ onWarning }),
  e2b: async () => (await import('./e2b/backend.ts')).createE2bBackend(),
  ssh: async ({ onWarning, environment, ssh }) =>
    (await import('./ssh/backend.ts')).createSshBackend({
      ...sshOptions(ssh ?? sshSource({}, environment)),
      onWarning,
    }),
} as const satisfies Readonly<Record<string, BackendLoader>>);

export type BackendName = keyof typeof BACKENDS;

export const BACKEND_NAMES = Object.freeze(Object.keys(BACKENDS) as BackendName[]);

export function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(BACKENDS, name);
}

/** Opens a backend by its name. Whoever opens it disposes of it. */
export async function openBackend(
  name: BackendName,
  context: BackendContext,
): Promise<SandboxBackend> {
  const load: BackendLoader = BACKENDS[name];
  return await load(context);
}
