import type { IsolationLevel } from '../contract/isolation.ts';
import { bashArgv, SHELL_BOOTSTRAP } from './bootstrap.ts';

/**
 * The program by which a simulated sandbox runs one call of the shell: its bash has no EXIT trap and can't
 * print its functions, so its interpreter tells the state itself, in the frames of the bootstrap.
 */
export const SIMULATED_SHELL = 'lachesis-shell';

/** What runs one call of the shell; both read the same input and write the same frames. */
export function shellArgv(isolation: IsolationLevel | undefined): [string, ...string[]] {
  return isolation === 'simulated' ? [SIMULATED_SHELL] : bashArgv(SHELL_BOOTSTRAP);
}

/** One call of the shell, as a bootstrap reads it from its input. */
export interface ShellCall {
  readonly nonce: string;
  readonly cwd: string;
  /** Where the shell goes when its directory is gone; undefined when that must be there. */
  readonly home: string | undefined;
  readonly parts: readonly string[];
  readonly script: string;
}

/** Undefined when it is none. */
export function readShellCall(input: Uint8Array): ShellCall | undefined {
  const [nonce, _names, cwd, home, ...rest] = Buffer.from(input).toString('utf8').split('\0');
  const end = rest.indexOf('');
  const script = end < 0 ? undefined : rest[end + 1];
  if (nonce === undefined || cwd === undefined || script === undefined) return undefined;
  return { nonce, cwd, home: home || undefined, parts: rest.slice(0, end), script };
}

/** The frame by which a call tells what lasts of it. */
export function stateFrame(nonce: string, cwd: string, parts: readonly string[]): Uint8Array {
  const fields = [`${cwd}\n`, ...parts].join('\0');
  return Buffer.from(`\0${nonce} state\0${fields}\0${nonce} end\0`);
}
