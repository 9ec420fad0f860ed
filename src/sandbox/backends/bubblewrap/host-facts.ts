import { existsSync, readFileSync } from 'node:fs';

const SETTINGS = [
  'user/max_user_namespaces',
  'user/max_mnt_namespaces',
  'kernel/unprivileged_userns_clone',
  'kernel/apparmor_restrict_unprivileged_userns',
];
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv', '/run/secrets/kubernetes.io'];

/** What of the host decides whether boxes can be made; for people, beside what trying it showed. */
export interface HostFacts {
  readonly isRoot: boolean;
  readonly inContainer: boolean;
  /** Those settings of the kernel that it has, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

export function hostFacts(): HostFacts {
  const settings = SETTINGS.flatMap((name) => {
    try {
      const value = readFileSync(`/proc/sys/${name}`, 'utf8').trim();
      return [[name.replace('/', '.'), value] as const];
    } catch {
      // Another kernel, or not for us to read.
      return [];
    }
  });
  return {
    isRoot: process.getuid?.() === 0,
    inContainer: CONTAINER_MARKS.some((mark) => existsSync(mark)),
    settings: Object.fromEntries(settings),
  };
}

export function hostFactsText({ isRoot, inContainer, settings }: HostFacts): string {
  return [
    isRoot ? 'as root' : 'not as root',
    ...(inContainer ? ['in a container'] : []),
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  ].join(', ');
}
