import { LachesisError } from '../../errors.ts';
import type { Command } from '../contract/command.ts';
import { isAtLeast } from '../contract/isolation.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import { outputText } from '../exec/output-text.ts';
import { BASELINE_SCRIPT, MARK_FORMAT, RESET_SCRIPT } from './reset-scripts.ts';

const TIMEOUT_MS = 55_000;
/** What a spec sets for its tenants must not lead the scripts to programs that a tenant wrote. */
const ENV = Object.freeze({
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LD_PRELOAD: '',
  LD_LIBRARY_PATH: '',
});

/** Whether sandboxes may be emptied at all: elsewhere processes and folders are also others'. */
export function isResettable(isolation: Sandbox['isolation']): boolean {
  return isAtLeast(isolation, 'namespace');
}

/**
 * What a fresh sandbox looks like. Undefined where it can't be brought back to it, such as when its working
 * directory came with files, or its `find` can't tell what changed.
 */
export async function takeBaseline(
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!isResettable(sandbox.isolation)) return undefined;
  const text = await run(sandbox, [BASELINE_SCRIPT, 'sh', sandbox.workdir], signal);
  return text.startsWith('pids') ? text : undefined;
}

/**
 * Ends what runs, empties what tenants may write to, and compares the rest with the baseline. Rejects with
 * RESET_DIFFERS where anything is not as it was: such a sandbox is nobody else's. It asks the sandbox's own
 * programs. Where these are read-only and the backend ends what runs from outside (bubblewrap), no tenant can
 * deceive it; elsewhere one that is root and forges `sh`, `find` or the clock can: give such tenants sandboxes
 * that are used once (`maxUses: 1`).
 */
export async function resetSandbox(
  sandbox: Sandbox,
  baseline: string,
  signal: AbortSignal,
): Promise<void> {
  const pids = lineOf(baseline, 'pids');
  const wiped = lineOf(baseline, 'wiped');
  await sandbox.endCommands?.();
  const text = await run(
    sandbox,
    [RESET_SCRIPT, 'sh', sandbox.workdir, pids, wiped, markOf(baseline)],
    signal,
  );
  if (text === baseline) return;
  throw new LachesisError(
    'infrastructure_error',
    `Sandbox ${sandbox.id} is not as it was when it was new: ${difference(text, baseline)}.`,
    { reason: 'RESET_DIFFERS' },
  );
}

/** A command that ends with code 0 and prints `expected` in a sandbox that works and is the one that was made. */
export function healthCommand(baseline: string | undefined): {
  readonly command: Command;
  readonly expected: string;
} {
  if (baseline === undefined) return { command: { argv: ['true'], cwd: '/' }, expected: '' };
  return {
    command: { argv: ['stat', '-c', MARK_FORMAT, markOf(baseline)], cwd: '/', env: ENV },
    expected: `mark${lineOf(baseline, 'mark')}`,
  };
}

/** Its path holds no blanks. */
function markOf(baseline: string): string {
  return lineOf(baseline, 'mark').split(' ').at(-1) ?? '';
}

/** What follows the name of a line. */
function lineOf(text: string, name: string): string {
  const line = text.split('\n').find((each) => each.startsWith(name)) ?? name;
  return line.slice(name.length);
}

function difference(text: string, baseline: string): string {
  const before = new Set(baseline.split('\n'));
  const lines = text.split('\n').filter((line) => !before.has(line));
  return JSON.stringify(lines.join('; ').slice(0, 500) || 'something is missing');
}

async function run(
  sandbox: Sandbox,
  [script, ...args]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string> {
  const result = await sandbox.exec(
    { argv: ['sh', '-c', script, ...args], cwd: '/', env: ENV },
    { timeoutMs: TIMEOUT_MS, signal },
  );
  signal.throwIfAborted();
  if (result.exitCode === 0) return outputText(result.stdout).trim();
  const why = outputText(result.stderr).trim() || `exit code ${result.exitCode}`;
  throw new LachesisError('infrastructure_error', `The reset of ${sandbox.id} failed: ${why}`, {
    reason: 'RESET_FAILED',
  });
}
