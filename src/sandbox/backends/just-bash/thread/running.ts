import type { Sink } from './interpret.ts';
import type { SandboxFiles } from './sandbox-files.ts';

/** A command under way in this thread. */
export interface Running {
  readonly files: SandboxFiles;
  readonly number: number;
  /** Of every command of this sandbox. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly sink: Sink;
}

export async function isFolder(files: SandboxFiles, at: string): Promise<boolean> {
  const found = await files.stat(at).catch(() => undefined);
  return found?.isDirectory === true;
}
