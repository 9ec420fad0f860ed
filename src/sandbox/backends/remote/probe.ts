import { errorMessage, LachesisError } from '../../../errors.ts';
import type { BackendProbe, ProbeOptions, SandboxBackend } from '../../contract/backend.ts';
import { outputText } from '../../exec/output-text.ts';

const PROBE_LIFETIME_MS = 60_000;

/** Makes one sandbox that nobody else is given, runs `true` in it, and ends it. */
export async function probeByUse(
  backend: SandboxBackend,
  texts: { readonly detail: string; readonly remedy: string },
  { spec = {}, signal }: ProbeOptions,
): Promise<BackendProbe> {
  signal.throwIfAborted();
  try {
    const began = performance.now();
    const sandbox = await backend.create(spec, { lifetimeMs: PROBE_LIFETIME_MS, signal });
    const createMs = performance.now() - began;
    try {
      const result = await sandbox.exec({ argv: ['true'] }, { timeoutMs: 30_000, signal });
      signal.throwIfAborted();
      if (result.exitCode !== 0) {
        throw new Error(`\`true\` ended with ${result.exitCode}: ${outputText(result.stderr)}`);
      }
      return { works: true, detail: texts.detail, createMs, execMs: result.durationMs };
    } finally {
      await sandbox.terminate();
    }
  } catch (error) {
    signal.throwIfAborted();
    const remedy = error instanceof LachesisError ? error.remedy : undefined;
    // Its message ends with the remedy, which is told beside it.
    const detail = errorMessage(error).replace(` ${remedy}`, '');
    return { works: false, detail, remedy: remedy ?? texts.remedy };
  }
}
