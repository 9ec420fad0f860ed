import { setImmediate as breathe } from 'node:timers/promises';
import type { RunState } from '../../broker/index.ts';
import { LachesisError } from '../../errors.ts';
import { isJsonObject } from '../../messages.ts';
import { listSlices } from './json-slices.ts';
import { list, model } from './lax-values.ts';
import { assertFits, pushEarlyGroup, pushGroup } from './push-groups.ts';
import type { Push } from './pushes.ts';
import { json, type Outcome, type Route, type RouteContext } from './route.ts';
import { findRun } from './run-of.ts';
import { readScoredData, type ScoredData } from './scored-data.ts';

/** `POST /scored_data`: one group. */
export const scoredDataRoute: Route = async (context) => {
  const { value, text } = await context.body();
  assertSequences([value], context);
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
  assertSequences(list(value, []), context);
  const groups = list(value, []).map((each, at) =>
    readScoredData(model(each, [at]), () => sliceOf(at), [at]),
  );
  const locs = groups.map((_, at) => [at]);
  return await push(context, text, groups, locs, {
    status: 'received',
    groups_processed: groups.length,
  });
};

/** Each sequence becomes objects of some hundred bytes, before anything else can be said of it. */
function assertSequences(groups: readonly unknown[], { config }: RouteContext): void {
  const most = config.limits.maxPushSequences;
  let sequences = 0;
  for (const group of groups) {
    const tokens = isJsonObject(group) ? group['tokens'] : undefined;
    sequences += Array.isArray(tokens) ? tokens.length : 1;
  }
  if (sequences <= most) return;
  const detail = `The body has ${sequences} sequences; at most ${most} are taken at once.`;
  throw new LachesisError('invalid_input', detail, {
    reason: 'BODY_TOO_LARGE',
    remedy: 'Send fewer groups at once.',
    field: 'body',
  });
}

async function push(
  context: RouteContext,
  text: string,
  groups: readonly ScoredData[],
  locs: readonly (readonly number[])[],
  answer: object,
): Promise<Outcome> {
  const one = context.pushes.begin(text);
  context.config.metrics.resent(one.stored);
  try {
    try {
      await store(context, one, groups, locs);
    } catch (error) {
      // A reset came in between: what it left of the push is the next run's.
      if (!(error instanceof LachesisError) || error.reason !== 'RUN_CLOSED') throw error;
      await store({ ...context, session: context.state.session }, one, groups, locs);
    }
    return { ...json(answer), lost: () => one.unheard() };
  } catch (error) {
    one.unheard();
    throw error;
  }
}

async function store(
  context: RouteContext,
  one: Push,
  groups: readonly ScoredData[],
  locs: readonly (readonly number[])[],
): Promise<void> {
  let run = await findRun(context);
  if (run === undefined && (await pushEarly(context, one, groups))) {
    // A trainer may have registered meanwhile; then they are its run's.
    await findRun(context);
    return;
  }
  run ??= (await findRun(context)) as RunState;
  for (const [at, group] of groups.entries()) assertFits(group, run, locs[at] ?? []);
  const { clock, limits } = context.config;
  const untilMs = clock.nowMs() + limits.pushWaitMs;
  const target = { ...context, run };
  await storeEach(context, one, groups, (data, id) => pushGroup(data, id, target, untilMs));
}

/** False when a trainer registered just now. */
async function pushEarly(
  context: RouteContext,
  one: Push,
  groups: readonly ScoredData[],
): Promise<boolean> {
  const sequences = groups.slice(one.stored).reduce((sum, { tokens }) => sum + tokens.length, 0);
  return await context.early.arrive(sequences, async (run) => {
    const target = { ...context, run };
    await storeEach(context, one, groups, (data, id) => pushEarlyGroup(data, id, target));
  });
}

async function storeEach(
  { config }: RouteContext,
  one: Push,
  groups: readonly ScoredData[],
  store: (data: ScoredData, id: string) => Promise<'stored' | 'duplicate'>,
): Promise<void> {
  for (const [at, data] of groups.entries()) {
    if (at < one.stored) continue;
    // Reading a group and storing it take milliseconds each and wait for nothing; others come in between.
    await breathe();
    if ((await store(data, one.idOf(at))) === 'duplicate') {
      if (one.mayBeResent) config.metrics.resent(1);
      else await store(data, one.otherIdOf(at));
    }
    one.stored = at + 1;
  }
}
