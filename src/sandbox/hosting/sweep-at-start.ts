import { errorMessage } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import { sweepSandboxes } from '../pool/janitor.ts';

/** Ends what hosts that died left with the backend. That it could not be done keeps nobody from working: it is told. */
export async function sweepAtStart(
  backend: SandboxBackend,
  options: { readonly warn: (message: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const { warn, signal } = options;
  if (!backend.capabilities.outlivesOwner) return;
  try {
    const { ended, failed } = await sweepSandboxes({ backend, signal });
    if (ended.length > 0) {
      warn(`${ended.length} sandboxes that processes left when they died were ended.\n`);
    }
    for (const { id, error } of failed) {
      warn(`Sandbox ${id}, left by a process that died, could not be ended: ${error}\n`);
    }
  } catch (error) {
    signal.throwIfAborted();
    warn(`Whether dead processes left sandboxes could not be found out: ${errorMessage(error)}\n`);
  }
}
