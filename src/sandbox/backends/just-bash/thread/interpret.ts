import { Bash, type StatementNode } from 'just-bash';
import type { SandboxFiles } from './sandbox-files.ts';
import {
  type FunctionNode,
  functionsIn,
  hasBackground,
  sentTo,
  statementsOf,
  streamed,
} from './script.ts';
import { exitTeller, toldExits } from './told-exits.ts';

/**
 * Endless is what nobody stops: the deadline does. These are for what the interpreter does in one step, and a
 * last resort where a deadline is infinite.
 */
const LIMITS = Object.freeze({
  maxCommandCount: 50_000_000,
  maxLoopIterations: 10_000_000,
  maxWorkUnits: 1_000_000_000,
  maxExecutionTimeMs: Number.POSITIVE_INFINITY,
});

/** What `set -x` shows of what comes after a script. */
const OWN_TRACE = /^\++ (__lx_\w+=.*|compgen -A function)\n/gm;
const BACKGROUND_NOTICE =
  'lachesis: a simulated sandbox has no background; what ends in `&` was run before what follows it.\n';

/** Where the output of one command goes. */
export interface Sink {
  /** Resolves when more may come. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
}

export interface Interpretation {
  readonly files: SandboxFiles;
  /** Of this command alone; names its streams among the files. */
  readonly number: number;
  readonly script: string;
  readonly cwd: string;
  /** All exported variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the shell was before. */
  readonly previousDir?: string | undefined;
  readonly stdin: Uint8Array;
  readonly signal: AbortSignal;
  readonly sink: Sink;
  /** Both streams come as `stdout`. */
  readonly merged: boolean;
  /** What lasts of it is wanted, also when it ends by `exit`. */
  readonly keepsState?: boolean;
  /** Run before the script, in the same shell. */
  readonly before?: readonly StatementNode[];
}

export interface Interpreted {
  readonly code: number;
  /** Variables at its end, where they are known. */
  readonly env: Readonly<Record<string, string>>;
  readonly exported: ReadonlySet<string>;
  /** That the script's text defines; undefined when it could not be read. */
  readonly functions: ReadonlyMap<string, FunctionNode> | undefined;
  /** Names of functions that are there at its end; undefined where it ended before that. */
  readonly names: readonly string[] | undefined;
}

/** Runs one script in a fresh shell on the sandbox's files. */
export async function interpret(options: Interpretation): Promise<Interpreted> {
  const { files, number, sink, merged } = options;
  const out = `/dev/.lachesis-${number}-out`;
  const err = merged ? undefined : `/dev/.lachesis-${number}-err`;
  const names = `/dev/.lachesis-${number}-names`;
  let named = '';
  files.streams.set(out, (bytes) => sink.write('stdout', bytes));
  if (err !== undefined) files.streams.set(err, (bytes) => sink.write('stderr', bytes));
  files.streams.set(names, async (bytes) => {
    named += Buffer.from(bytes).toString();
  });
  try {
    const done = await run(options, sentTo(out, err), names);
    return { ...done, names: done.isWhole ? named.split('\n') : undefined };
  } finally {
    for (const path of [out, err, names]) if (path !== undefined) files.streams.delete(path);
  }
}

async function run(
  options: Interpretation,
  redirections: Parameters<typeof streamed>[1],
  namesFile: string,
): Promise<Omit<Interpreted, 'names'> & { readonly isWhole: boolean }> {
  const { files, script, cwd, env, signal, sink, merged, keepsState = false } = options;
  const { before = [] } = options;
  const after = keepsState
    ? statementsOf(`__lx_code=$?; compgen -A function >>${namesFile}; __lx_end=1`)
    : [];
  const seen = keepsState ? toldExits : (statements: readonly StatementNode[]) => statements;
  let atExit: Readonly<Record<string, string>> | undefined;
  const bash = new Bash({
    fs: files,
    cwd,
    env: { ...env },
    executionLimits: LIMITS,
    customCommands: keepsState ? [exitTeller((told) => (atExit = told))] : [],
  });
  let functions: ReadonlyMap<string, FunctionNode> | undefined;
  let isBackground = false;
  bash.registerTransformPlugin({
    name: 'lachesis',
    transform: ({ ast }) => {
      // Later ones are scripts that this one runs.
      if (functions !== undefined) return { ast };
      functions = functionsIn(ast);
      isBackground = hasBackground(ast);
      const own = streamed(seen(ast.statements), redirections);
      const statements = [...seen(before), ...own, ...after];
      return { ast: { ...ast, statements } };
    },
  });
  // A blank script is never read.
  const text = script.trim() === '' ? ':' : script;
  const result = await bash.exec(text, {
    rawScript: true,
    stdin: Buffer.from(options.stdin).toString('latin1'),
    stdinKind: 'bytes',
    signal,
    ...(options.previousDir === undefined ? {} : { env: { OLDPWD: options.previousDir } }),
  });
  if (!signal.aborted) {
    // What was said outside of the script's statements: it could not be read, or came to a limit.
    if (result.stdout !== '') await sink.write('stdout', Buffer.from(result.stdout));
    const stream = merged ? 'stdout' : 'stderr';
    const complaint = result.stderr.replace(OWN_TRACE, '');
    if (complaint !== '') await sink.write(stream, Buffer.from(complaint));
    if (isBackground) await sink.write(stream, Buffer.from(BACKGROUND_NOTICE));
  }
  // At its own end it has run what comes after it.
  const isWhole = result.env['__lx_end'] === '1';
  return {
    isWhole,
    code: isWhole ? Number(result.env['__lx_code']) : result.exitCode,
    env: isWhole ? result.env : (atExit ?? result.env),
    exported: exportedNames(bash),
    functions,
  };
}

/** The interpreter tells no caller which variables are exported; it keeps them in one set for all it runs. */
function exportedNames(bash: Bash): ReadonlySet<string> {
  const state: unknown = Reflect.get(bash, 'state');
  const names: unknown =
    typeof state === 'object' && state !== null ? Reflect.get(state, 'exportedVars') : undefined;
  return names instanceof Set ? (names as Set<string>) : new Set();
}
