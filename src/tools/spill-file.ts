import { createHash } from 'node:crypto';
import { LachesisError } from '../errors.ts';
import type { RolloutSandbox } from '../sandbox/index.ts';
import { noSandbox } from './no-sandbox.ts';

const SPILL_FOLDER = '/tmp/tool-results';

export interface SpillOptions {
  /** Of the sandbox. Default: `/tmp/tool-results`. */
  readonly folder?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Puts what is too long for a model into a file of its sandbox and returns the file's path; undefined where it
 * has no room. A sandbox's fault goes on as one: it is nobody's result.
 */
export async function spillToSandbox(
  sandbox: RolloutSandbox,
  content: string | Uint8Array,
  { folder = SPILL_FOLDER, timeoutMs, signal: outer }: SpillOptions,
): Promise<string | undefined> {
  if (sandbox === noSandbox) return undefined;
  // By what is in it: no word of the model is part of the name, and no result overwrites another.
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 32);
  const path = `${folder}/${hash}.txt`;
  const signal = AbortSignal.any([outer, AbortSignal.timeout(timeoutMs)]);
  try {
    await sandbox.writeFile(path, content, { signal });
    return path;
  } catch (error) {
    outer.throwIfAborted();
    if (signal.aborted) return undefined;
    if (error instanceof LachesisError && error.kind === 'failed_precondition') return undefined;
    throw error;
  }
}
