import { LachesisError } from '../../../errors.ts';
import { writeFailed } from '../refusals.ts';

/** Runs `work` on a store's folder; what the system refuses there is told as a LachesisError. */
export async function typedFailures<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const isOfSystem = error instanceof Error && 'syscall' in error;
    throw isOfSystem && !(error instanceof LachesisError) ? writeFailed(folder, error) : error;
  }
}
