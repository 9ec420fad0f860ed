import type { Sandbox as ModalHandle } from 'modal';
import type { FoundSandbox } from '../../contract/backend.ts';
import { isSandboxGone } from '../../contract/faults.ts';
import type { ModalConnection } from './connection.ts';
import { modalSandboxFault } from './faults.ts';

/** Those that live under our app and have these tags. Modal tells the tags of one at a time only. */
export async function findSandboxes(
  connection: ModalConnection,
  tags: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly FoundSandbox[]> {
  const client = await connection.client();
  const { appId } = await connection.app();
  const found: FoundSandbox[] = [];
  for await (const handle of client.sandboxes.experimentalList({ appId, tags: { ...tags } })) {
    signal.throwIfAborted();
    const its = await tagsOf(handle);
    if (its === undefined) continue;
    found.push({
      id: handle.sandboxId,
      tags: its,
      terminate: () => endFound(handle),
    });
  }
  return found;
}

/** Undefined where it ended since it was listed. */
async function tagsOf(handle: ModalHandle): Promise<Record<string, string> | undefined> {
  try {
    return await handle.getTags();
  } catch (error) {
    const fault = modalSandboxFault(handle.sandboxId, 'Its tags could not be read', error);
    if (isSandboxGone(fault)) return undefined;
    throw fault;
  }
}

async function endFound(handle: ModalHandle): Promise<void> {
  const id = handle.sandboxId;
  try {
    await handle.terminate();
  } catch (error) {
    const fault = modalSandboxFault(id, `Sandbox ${id} could not be ended`, error);
    if (!isSandboxGone(fault)) throw fault;
  }
}
