import path from 'node:path';
import { invalidInput } from '../../errors.ts';
import type { ExecResult } from '../../sandbox/index.ts';
import { folderNamed, namesFolder, outputText } from '../../sandbox/index.ts';
import type { ToolContext } from '../tool-handler.ts';

type Context = Pick<ToolContext, 'sandbox' | 'signal'>;

/** A path as the model means it: of where its shell is, and `~` is its home. */
export async function resolvePath(given: string, { sandbox, signal }: Context): Promise<string> {
  if (given === '') throw invalidInput('path', 'is empty.');
  if (given.includes('\0')) throw invalidInput('path', 'holds a NUL character.');
  if (given !== '~' && !given.startsWith('~/')) return path.posix.resolve(sandbox.shell.cwd, given);
  const { stdout } = await sandbox.exec({ argv: ['sh', '-c', 'printf %s "$HOME"'] }, { signal });
  signal.throwIfAborted();
  return path.posix.resolve('/', outputText(stdout), given.slice(2));
}

/** As {@link resolvePath}, of a file that is to be written: resolving would make a file of `folder/`. */
export async function resolveFilePath(
  given: string,
  context: Context,
  field = 'path',
): Promise<string> {
  if (given === '~' || namesFolder(given)) throw folderNamed(given, field);
  return await resolvePath(given, context);
}

/** Runs a script of ours with the model's words as its arguments, never as its text. */
export async function runScript(
  script: string,
  words: readonly string[],
  { sandbox, signal }: Context,
  options: { readonly maxOutputBytes: number; readonly timeoutMs?: number },
): Promise<ExecResult> {
  const result = await sandbox.exec(
    { argv: ['sh', '-c', script, 'sh', ...words] },
    { timeoutMs: 60_000, ...options, signal },
  );
  signal.throwIfAborted();
  return result;
}

/** Writes a file as an editor does: what is a link stays one, and a file keeps its mode. */
export async function writeText(at: string, text: string, context: Context): Promise<void> {
  const { sandbox, signal } = context;
  let target = at;
  let found = await sandbox.stat(at, { signal });
  if (found?.type === 'link') {
    const { stdout } = await runScript('readlink -f -- "$1"', [at], context, {
      maxOutputBytes: 8_192,
    });
    target = path.posix.resolve('/', outputText(stdout).replace(/\n$/, ''));
    found = await sandbox.stat(target, { signal });
  }
  if (found !== undefined && found.type !== 'file') {
    throw invalidInput('path', `${at} is there already and is no file.`);
  }
  await sandbox.writeFile(target, text, { signal, ...(found && { mode: found.mode & 0o777 }) });
}
