import { setImmediate as breathe } from 'node:timers/promises';
import { LachesisError } from '../../errors.ts';
import { listSlices } from './json-slices.ts';
import { list, model } from './lax-values.ts';
import { assertFits, pushGroup } from './push-groups.ts';
import { json, type Outcome, type Route, type RouteContext } from './route.ts';
import { findRun } from './run-of.ts';
import { readScoredData, type ScoredData } from './scored-data.ts';

/** `POST /scored_data`: one group. */
export const scoredDataRoute: Route = async (context) => {
  const { value, text } = await context.body();
  const data = readScoredData(model(value, []), () => text);
  return await push(context, text, [data], [[]], { status: 'received' });
};

/** `POST /scored_data_list`: all of the groups, or none when one of them is wrong. */
export const scoredDataListRoute: Route = async (context) => {
  const { value, text } = await context.body();
  let slices: readonly string[] | undefined;
  const sliceOf = (at: number): string => {
    slices ??= listSlices(text);
    return slices[at] ?? '{}';
  };
  const groups = list(value, []).map((each, at) =>
    readScoredData(model(each, [at]), () => sliceOf(at), [at]),
  );
  const locs = groups.map((_, at) => [at]);
  return await push(context, text, groups, locs, {
    status: 'received',
    groups_processed: groups.length,
  });
};

async function push(
  context: RouteContext,
  text: string,
  groups: readonly ScoredData[],
  locs: readonly (readonly number[])[],
  answer: object,
): Promise<Outcome> {
  const { early, unheard } = context;
  let stored = unheard.take(text);
  const note = (): void => unheard.note(text, stored);
  try {
    const run = await findRun(context);
    if (run === undefined) {
      if (stored < groups.length && !early.add(groups.slice(stored), text.length)) {
        throw noRun();
      }
      stored = groups.length;
      // A trainer may have registered meanwhile; then they are its run's.
      await findRun(context);
      return { ...json(answer), lost: note };
    }
    groups.forEach((group, at) => assertFits(group, run, locs[at] ?? []));
    const { clock, limits } = context.config;
    const untilMs = clock.nowMs() + limits.pushWaitMs;
    for (const group of groups.slice(stored)) {
      // Reading a group and storing it take milliseconds each and wait for nothing; others come in between.
      await breathe();
      await pushGroup(group, { ...context, run }, untilMs);
      stored += 1;
    }
    return { ...json(answer), lost: note };
  } catch (error) {
    note();
    throw error;
  }
}

function noRun(): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    'No trainer has registered, and as many groups wait for one as are kept.',
    { reason: 'NO_RUN', remedy: 'Register a trainer, or send it later.', retryAfterMs: 5_000 },
  );
}
