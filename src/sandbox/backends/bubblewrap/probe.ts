import { errorMessage, LachesisError } from '../../../errors.ts';
import type { BackendProbe, ProbeOptions, SandboxBackend } from '../../contract/backend.ts';
import { outputText } from '../../exec/output-text.ts';
import { hostFacts, hostFactsText } from './host-facts.ts';
import { findHostTools, type HostTools } from './host-tools.ts';

/** Makes a box, runs `true` in it, and ends it: files and settings alone don't tell whether it works. */
export async function probeBubblewrap(
  backend: SandboxBackend,
  given: Partial<HostTools> | undefined,
  { spec = {}, signal }: ProbeOptions,
): Promise<BackendProbe> {
  signal.throwIfAborted();
  try {
    const { bwrap } = findHostTools(given);
    const began = performance.now();
    const sandbox = await backend.create(spec, { signal });
    const createMs = performance.now() - began;
    try {
      const result = await sandbox.exec({ argv: ['true'] }, { timeoutMs: 10_000, signal });
      signal.throwIfAborted();
      if (result.exitCode !== 0) {
        return failed(`\`true\` ended with ${result.exitCode}: ${outputText(result.stderr)}`);
      }
      const execMs = result.durationMs;
      const who = process.getuid?.() === 0 ? 'each box with a user id of its own' : 'as this user';
      return { works: true, detail: `${bwrap} makes boxes, ${who}.`, createMs, execMs };
    } finally {
      await sandbox.terminate();
    }
  } catch (error) {
    signal.throwIfAborted();
    const remedy = error instanceof LachesisError ? error.remedy : undefined;
    // Its message ends with the remedy, which is told beside it.
    const words = errorMessage(error).replace(` ${remedy}`, '');
    return failed(`${words} (${hostFactsText(hostFacts())})`, remedy);
  }
}

function failed(
  detail: string,
  remedy = 'Run `lachesis doctor` for what else works here.',
): BackendProbe {
  return { works: false, detail, remedy };
}
