import { LachesisError } from '../../errors.ts';
import { sandboxFault } from '../contract/faults.ts';
import type { FileStat, Sandbox, TransferOptions } from '../contract/sandbox.ts';
import { outputText } from './output-text.ts';

const SCRIPT =
  'if [ -e "$1" ] || [ -L "$1" ]; then exec stat -c "%f %s %Y" -- "$1"; else echo none; fi';

const TYPES: Readonly<Record<number, FileStat['type']>> = {
  [0o100000]: 'file',
  [0o040000]: 'directory',
  [0o120000]: 'link',
};

/** Looks at a path by the sandbox's own `stat`. */
export async function statPath(
  sandbox: Sandbox,
  path: string,
  { signal }: TransferOptions,
): Promise<FileStat | undefined> {
  const result = await sandbox.exec(
    { argv: ['sh', '-c', SCRIPT, 'sh', path] },
    { timeoutMs: 10_000, ...(signal === undefined ? {} : { signal }) },
  );
  signal?.throwIfAborted();
  const text = outputText(result.stdout).trim();
  if (text === 'none') return undefined;
  const [mode = Number.NaN, size = Number.NaN, modified = Number.NaN] = text
    .split(' ')
    .map((word, i) => Number.parseInt(word, i === 0 ? 16 : 10));
  if (result.exitCode !== 0 || !Number.isFinite(mode + size + modified)) {
    const why = outputText(result.stderr).trim() || `stat gave ${JSON.stringify(text)}`;
    throw sandboxFault(
      `${path} could not be looked at`,
      new LachesisError('infrastructure_error', why, { reason: 'SANDBOX_STAT' }),
    );
  }
  return {
    type: TYPES[mode & 0o170000] ?? 'other',
    size,
    mode: mode & 0o7777,
    modifiedMs: modified * 1_000,
  };
}
