import { readlinkSync } from 'node:fs';

export const KINDS = ['mnt', 'pid', 'user', 'net', 'ipc'] as const;

/** Of each kind, the name of the namespace that a process is in. */
export type Namespaces = Readonly<Record<(typeof KINDS)[number], string>>;

/** The kernel's own first ones, whose numbers never change: no private namespace is called so. */
const INITIAL: Partial<Namespaces> = { pid: 'pid:[4026531836]', user: 'user:[4026531837]' };

export function namespacesOf(pid: number | 'self'): Namespaces {
  const of = (kind: string) => readlinkSync(`/proc/${pid}/ns/${kind}`);
  return { mnt: of('mnt'), pid: of('pid'), user: of('user'), net: of('net'), ipc: of('ipc') };
}

/**
 * Throws unless we are in namespaces that are none of `host`'s, which the runner says, and none of the kernel's
 * first ones, whatever the runner says. Every case calls it before it does anything.
 */
export function assertPrivate(
  host: Namespaces | undefined,
  own: Namespaces = namespacesOf('self'),
): void {
  if (host === undefined) refuse("nobody said which the host's namespaces are");
  for (const kind of KINDS) {
    if (own[kind] === host[kind]) refuse(`${own[kind]} is the host's`);
    if (own[kind] === INITIAL[kind]) refuse(`${own[kind]} is the kernel's first`);
  }
}

function refuse(why: string): never {
  throw new Error(
    `An abuse case does not run here: ${why}. Run the suite by \`npm test -- --only security\`.`,
  );
}
