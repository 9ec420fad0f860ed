import { afterAll, beforeAll, test } from 'vitest';
import {
  type Command,
  type ExecOptions,
  type ExecResult,
  outputBytes,
  type Sandbox,
  type SandboxBackend,
  type SandboxSpec,
} from '../../../../src/sandbox/index.ts';

/**
 * What a backend may declare that it can't do. A test of a gap is not run; everything else is asked of all.
 * `signals`: a command can't be told to end, only its sandbox. `processes`: `&`, `setsid` and `$$` are no
 * processes. `streams`: a started command can't be written to. `devices`: `/dev/stdout` is no file of its own.
 * `links`: archives hold no links. `modes`: files have no permissions. `concurrent`: commands wait for each other.
 * `binary`: only text comes out. `network`: nothing is known of what it reaches. `pipes`: output ends with its
 * command, so that nobody knows of a child left behind that holds it.
 */
export type ContractGap =
  | 'signals'
  | 'processes'
  | 'streams'
  | 'devices'
  | 'links'
  | 'modes'
  | 'concurrent'
  | 'binary'
  | 'pipes'
  | 'network';

export interface ContractOptions {
  readonly name: string;
  readonly createBackend: () => SandboxBackend | Promise<SandboxBackend>;
  /** Of the sandboxes that the suite makes. Default: the backend's own. */
  readonly spec?: SandboxSpec;
  /** Each with its reason, for whoever reads the suite. */
  readonly gaps?: Partial<Record<ContractGap, string>>;
  /** Most time that one test may take. Default: 20 s. */
  readonly testTimeoutMs?: number;
}

export const NUL = '\0';

/** What the tests of each subject have: one box of the backend, and short words for what they ask of it. */
export interface ContractBench {
  /** There once tests run. */
  readonly backend: SandboxBackend;
  readonly box: Sandbox;
  readonly createBackend: ContractOptions['createBackend'];
  readonly spec: SandboxSpec;
  readonly gaps: Partial<Record<ContractGap, string>>;
  readonly never: AbortSignal;
  /** One item where the backend has none of these gaps, else none. */
  unless(...gap: ContractGap[]): readonly number[];
  testUnless(gap: readonly ContractGap[], what: string, run: () => Promise<void>): void;
  sh(script: string, exec?: ExecOptions, command?: Partial<Command>): Promise<ExecResult>;
  out(result: ExecResult): string;
  err(result: ExecResult): string;
}

/** To be opened within the suite's `describe`. */
export function openBench({ createBackend, gaps = {}, spec = {} }: ContractOptions): ContractBench {
  let backend: SandboxBackend;
  let box: Sandbox;
  const never = new AbortController().signal;
  beforeAll(async () => {
    backend = await createBackend();
    box = await backend.create(spec, { signal: never, tags: { suite: 'contract' } });
  }, 60_000);
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
  }, 60_000);
  const unless = (...gap: ContractGap[]) =>
    gap.some((each) => gaps[each] !== undefined) ? [] : [0];
  return {
    get backend() {
      return backend;
    },
    get box() {
      return box;
    },
    ...{ createBackend, spec, gaps, never, unless },
    testUnless: (gap, what, run) => {
      for (const _ of unless(...gap)) test(what, run);
    },
    sh: (script, exec = {}, command = {}) =>
      box.exec({ argv: ['sh', '-c', script], ...command }, exec),
    out: ({ stdout }) => Buffer.from(outputBytes(stdout)).toString(),
    err: ({ stderr }) => Buffer.from(outputBytes(stderr)).toString(),
  };
}

export async function* chunked(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
