import { pause } from '../async/index.ts';
import { LachesisError } from '../errors.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandIo } from './command.ts';

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;

/** Failures of an engine that is not up yet, or not yet ready. */
const AWAY: ReadonlySet<string> = new Set([
  'ENGINE_UNREACHABLE',
  'POLICY_UNREACHABLE',
  'MODEL_SERVER_UNREACHABLE',
]);
/** A policy's server says these while it is away or starts; another answer stands. */
const PASSING: ReadonlySet<string> = new Set([
  'infrastructure_error',
  'model_error',
  'deadline_exceeded',
  'unauthenticated',
]);

/** The model, once its engine answers; says once that it waits, and once that it is there. */
export async function patientModel(
  choose: () => Promise<ChosenModel>,
  io: CommandIo,
): Promise<ChosenModel> {
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
    try {
      const model = await choose();
      if (retryMs > FIRST_RETRY_MS) io.out('the model is there\n');
      return model;
    } catch (error) {
      io.signal.throwIfAborted();
      if (!isAway(error)) throw error;
      if (retryMs === FIRST_RETRY_MS) io.err(`waiting for the model: ${error.message}\n`);
      await pause(retryMs, io.signal);
      io.signal.throwIfAborted();
    }
  }
}

function isAway(error: unknown): error is LachesisError {
  return error instanceof LachesisError && AWAY.has(error.reason) && PASSING.has(error.kind);
}
