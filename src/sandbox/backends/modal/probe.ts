import type { Clock } from '../../../async/index.ts';
import { errorMessage, LachesisError } from '../../../errors.ts';
import type { BackendProbe, SandboxBackend } from '../../contract/backend.ts';
import type { SandboxSpec } from '../../contract/spec.ts';

const PROBE_LIFETIME_MS = 60_000;

/** Makes one sandbox that nobody else is given, runs `true` in it, and ends it. */
export async function probeModal(
  backend: SandboxBackend,
  {
    spec = {},
    signal,
    clock,
  }: {
    readonly spec: SandboxSpec | undefined;
    readonly signal: AbortSignal;
    readonly clock: Clock;
  },
): Promise<BackendProbe> {
  try {
    const beganMs = clock.now();
    const sandbox = await backend.create(spec, { lifetimeMs: PROBE_LIFETIME_MS, signal });
    const createMs = clock.now() - beganMs;
    try {
      const { durationMs } = await sandbox.exec({ argv: ['true'] }, { signal });
      return {
        works: true,
        detail: 'A sandbox was made and ran a command.',
        createMs,
        execMs: durationMs,
      };
    } finally {
      await sandbox.terminate();
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const remedy = error instanceof LachesisError ? error.remedy : undefined;
    return {
      works: false,
      detail: errorMessage(error),
      remedy: remedy ?? 'See https://status.modal.com, and whether api.modal.com can be reached.',
    };
  }
}
