import type { LachesisClient } from '../../client/index.ts';
import { transcriptLines } from './transcript.ts';

/** How often the policy succeeds on fresh episodes, sampled as in training. */
export interface Measurement {
  readonly episodes: number;
  readonly notScored: number;
  /** Share of the scored episodes with reward 1. */
  readonly success: number;
  /** One of them, to read; a failed one when there is one and the other way round after training. */
  readonly examples: {
    readonly success: readonly string[] | undefined;
    readonly failure: readonly string[] | undefined;
  };
}

/** Plays `episodes` episodes outside of any run: nothing of them is trained on. */
export async function measure(
  client: LachesisClient,
  environment: string,
  episodes: number,
  signal: AbortSignal,
): Promise<Measurement> {
  let scored = 0;
  let solved = 0;
  let notScored = 0;
  const ids: { success?: string; failure?: string } = {};
  const steps = client.environments.evaluate({
    environment,
    maxTasks: episodes,
    attempts: 1,
    signal,
  });
  for await (const step of steps) {
    if (step.case !== 'sample') continue;
    const { reward, rolloutId } = step.value;
    if (reward === undefined) {
      notScored += 1;
    } else if (reward >= 1) {
      solved += 1;
      ids.success ??= rolloutId;
    } else {
      ids.failure ??= rolloutId;
    }
    if (reward !== undefined) scored += 1;
  }
  const get = async (id: string | undefined): Promise<readonly string[] | undefined> => {
    if (id === undefined) return undefined;
    const found = await client.environments.rollout(id, { signal });
    return found.kind === 'finished' ? transcriptLines(found.rollout) : undefined;
  };
  return {
    episodes: scored + notScored,
    notScored,
    success: scored === 0 ? 0 : solved / scored,
    examples: { success: await get(ids.success), failure: await get(ids.failure) },
  };
}
