import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { takeStoreFolder } from './store-folder.ts';
import { typedFailures } from './typed-failures.ts';

/**
 * Removes the store in a folder, and the folder; nothing when there is none. It is gone at once or not at
 * all: a removal that is cut off leaves a `FOLDER.removed`, which the next one takes with it. Throws
 * failed_precondition LOCKED while a process has it, and invalid_input for a folder that is no store's.
 */
export async function removeStore(given: string): Promise<void> {
  await typedFailures(given, async () => {
    const removed = `${given}.removed`;
    await rm(removed, { recursive: true, force: true });
    if (!existsSync(given)) return;
    // The lock goes with the folder.
    using folder = await takeStoreFolder(given, 'make');
    await rename(folder.folder, removed);
    await rm(removed, { recursive: true });
  });
}
