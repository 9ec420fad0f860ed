import { startDeadline, untilAborted } from '../../../async/index.ts';
import { errorMessage } from '../../../errors.ts';
import type { BackendProbe, SandboxBackend } from '../../contract/backend.ts';
import type { IsolationLevel } from '../../contract/isolation.ts';

const DEFAULT_TIMEOUT_MS = 30_000;

/** One line of what `lachesis doctor` tells. */
export interface BackendReport extends BackendProbe {
  readonly backend: string;
  readonly isolation: IsolationLevel;
}

/** Tries a backend, within a time; rejects only with the signal's reason. */
export async function probeBackend(
  backend: SandboxBackend,
  options: { readonly timeoutMs?: number; readonly signal: AbortSignal },
): Promise<BackendReport> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  using deadline = startDeadline({
    timeoutMs,
    signal,
    reason: () => new Error(`It did not answer within ${timeoutMs} ms.`),
  });
  const of = { backend: backend.name, isolation: backend.capabilities.isolation };
  try {
    const probe = backend.probe({ signal: deadline.signal });
    return { ...of, ...(await untilAborted(probe, { signal: deadline })) };
  } catch (error) {
    signal.throwIfAborted();
    const remedy = 'Look at the load of the host, and at the network to a remote provider.';
    return { ...of, works: false, detail: errorMessage(error), remedy };
  }
}
