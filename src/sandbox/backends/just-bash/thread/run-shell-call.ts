import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { StatementNode } from 'just-bash';
import { shellWord } from '../../../exec/shell-word.ts';
import { type ShellCall, stateFrame } from '../../../shell/simulated-shell.ts';
import { type Interpreted, interpret } from './interpret.ts';
import { isFolder, type Running } from './running.ts';
import { type FunctionNode, isFunction, statementOf, statementsOf } from './script.ts';

const KEPT_OPTIONS = ['extglob', 'globstar', 'nullglob', 'dotglob', 'nocaseglob', 'nocasematch'];
const ALSO_KEPT = ['failglob', 'lastpipe'];
const KEPT_SET_OPTIONS = ['pipefail', 'noclobber', 'noglob'];
/** Where the interpreter keeps aliases among its variables. */
const ALIAS = 'BASH_ALIAS_';
/** Told by other means, or the interpreter's own. */
const OWN = new Set(['PWD', 'OLDPWD', 'SHELLOPTS', 'BASHOPTS', '?', '_']);
const MAX_STATE_BYTES = 4_194_304;

/** What lasts of a shell from one call to the next. */
interface LastingState {
  readonly exported: Readonly<Record<string, string>>;
  readonly functions: readonly FunctionNode[];
  readonly aliases: readonly string[];
  readonly options: readonly string[];
  readonly setOptions: readonly string[];
  readonly previousDir?: string | undefined;
}

/** Runs one call of the shell, and tells on `stderr` what lasts of it. */
export async function runShellCall(
  call: ShellCall,
  running: Running & { readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const { files, sink, signal } = running;
  const state = readState(call.parts) ?? freshState(running.env);
  let { cwd } = call;
  if (!(await isFolder(files, cwd))) {
    const { home } = call;
    const now = home !== undefined && (await isFolder(files, home)) ? home : '/';
    const told =
      home === undefined
        ? `bash: cd: ${cwd}: No such file or directory\n`
        : `bash: the working directory is gone; now in ${now}\n`;
    await sink.write('stdout', Buffer.from(told));
    if (home === undefined) {
      await sink.write('stderr', stateFrame(call.nonce, cwd, call.parts));
      return 126;
    }
    cwd = now;
  }
  const done = await interpret({
    ...running,
    script: call.script,
    cwd,
    env: state.exported,
    previousDir: state.previousDir,
    stdin: new Uint8Array(0),
    merged: true,
    before: restoring(state),
    keepsState: true,
  });
  if (signal.aborted) return done.code;
  if (done.functions === undefined) {
    // It could not be read, so it changed nothing.
    await sink.write('stderr', stateFrame(call.nonce, cwd, call.parts));
  } else if (done.env['__lx_ran'] === '1') {
    // It may be gone by now, which the next call says.
    const now = done.env['PWD'] ?? cwd;
    const told = now.startsWith('/') ? now : cwd;
    await sink.write('stderr', stateFrame(call.nonce, told, [partOf(lasting(done, state))]));
  }
  return done.code;
}

function freshState(exported: Readonly<Record<string, string>>): LastingState {
  return { exported, functions: [], aliases: [], options: [], setOptions: [] };
}

function restoring(state: LastingState): StatementNode[] {
  const text = [
    '__lx_ran=1',
    // The interpreter gives these to every shell.
    ...['HOME', 'PATH'].filter((name) => !(name in state.exported)).map((name) => `unset ${name}`),
    `shopt -s ${['expand_aliases', ...state.options].join(' ')}`,
    ...state.setOptions.map((name) => `set -o ${name}`),
    ...state.aliases.map((alias) => `alias ${shellWord(alias)}`),
  ];
  return [...statementsOf(text.join('\n')), ...state.functions.map(statementOf)];
}

function lasting(
  { env, exported, functions, names }: Interpreted,
  before: LastingState,
): LastingState {
  const entries = Object.entries(env);
  const isKept = (name: string) =>
    exported.has(name) && !OWN.has(name) && !name.startsWith(ALIAS) && !name.startsWith('__lx_');
  const known = new Map(before.functions.map((each) => [each.name, each]));
  for (const [name, node] of functions ?? []) known.set(name, node);
  const options = env['BASHOPTS']?.split(':') ?? [];
  const setOptions = env['SHELLOPTS']?.split(':') ?? [];
  return {
    exported: Object.fromEntries(entries.filter(([name]) => isKept(name))),
    // Where it ended early, all that it defined is taken to be there.
    functions: [...known.values()].filter(({ name }) => names?.includes(name) ?? true),
    aliases: entries
      .filter(([name]) => name.startsWith(ALIAS))
      .map(([name, value]) => `${name.slice(ALIAS.length)}=${value}`),
    options: [...KEPT_OPTIONS, ...ALSO_KEPT].filter((name) => options.includes(name)),
    setOptions: KEPT_SET_OPTIONS.filter((name) => setOptions.includes(name)),
    previousDir: env['OLDPWD'],
  };
}

/** Functions are kept as they were read: the interpreter can't print them as text that reads the same. */
function partOf(state: LastingState): string {
  return deflateRawSync(JSON.stringify(state)).toString('base64');
}

/** Nobody but this thread writes it; what can't be read all the same is as if there were none. */
function readState([part]: readonly string[]): LastingState | undefined {
  if (part === undefined) return undefined;
  try {
    const bytes = inflateRawSync(Buffer.from(part, 'base64'), { maxOutputLength: MAX_STATE_BYTES });
    const state = JSON.parse(bytes.toString()) as LastingState;
    return state.functions.every(isFunction) ? state : undefined;
  } catch {
    return undefined;
  }
}
