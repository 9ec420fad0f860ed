import { readFile } from 'node:fs/promises';
import { LachesisError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint.ts';

/**
 * The checkpoint that ships with the package. It imitates a documented noisy annotator
 * (scripts/base-policy/annotator.ts) and is right in about one of sixteen shop episodes.
 */
export async function readBaseCheckpoint(): Promise<Checkpoint> {
  // One level further up when this file runs from dist/src/policy.
  for (const up of ['../../', '../../../']) {
    const url = new URL(`${up}assets/base-policy.bin`, import.meta.url);
    const file = await readFile(url).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined;
      throw cause;
    });
    if (file !== undefined) return readCheckpoint(file);
  }
  throw new LachesisError('not_found', 'assets/base-policy.bin is missing from the package.', {
    reason: 'BASE_CHECKPOINT_MISSING',
    remedy: 'Reinstall the package, or make it with scripts/train-base-policy.ts.',
  });
}
