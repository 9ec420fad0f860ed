import { setImmediate as breathe } from 'node:timers/promises';
import type { RunState } from '../../broker/index.ts';
import { LachesisError } from '../../errors.ts';
import type { PushedBody, PushedGroup } from './group-work.ts';
import { assertFits, pushEarlyGroup, pushGroup } from './push-groups.ts';
import type { Push } from './pushes.ts';
import { json, type Outcome, type Route, type RouteContext } from './route.ts';
import { findRun } from './run-of.ts';

/** `POST /scored_data`: one group. */
export const scoredDataRoute: Route = async (context) => {
  const body = await context.pushed('one');
  return await push(context, body, [[]], { status: 'received' });
};

/** `POST /scored_data_list`: all of the groups, or none when one of them is wrong. */
export const scoredDataListRoute: Route = async (context) => {
  const body = await context.pushed('list');
  const locs = body.groups.map((_, at) => [at]);
  const groups_processed = body.groups.length;
  return await push(context, body, locs, { status: 'received', groups_processed });
};

async function push(
  context: RouteContext,
  { digest, groups }: PushedBody,
  locs: readonly (readonly number[])[],
  answer: object,
): Promise<Outcome> {
  const one = context.pushes.begin(digest);
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
  groups: readonly PushedGroup[],
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
  await storeEach(context, one, groups, (group, id) => pushGroup(group, id, target, untilMs));
}

/** False when a trainer registered just now. */
async function pushEarly(
  context: RouteContext,
  one: Push,
  groups: readonly PushedGroup[],
): Promise<boolean> {
  const sequences = groups.slice(one.stored).reduce((sum, group) => sum + group.sequences, 0);
  return await context.early.arrive(sequences, async (run) => {
    const target = { ...context, run };
    await storeEach(context, one, groups, (group, id) => pushEarlyGroup(group, id, target));
  });
}

async function storeEach(
  { config }: RouteContext,
  one: Push,
  groups: readonly PushedGroup[],
  store: (group: PushedGroup, id: string) => Promise<'stored' | 'duplicate'>,
): Promise<void> {
  for (const [at, group] of groups.entries()) {
    if (at < one.stored) continue;
    // Reading a group and storing it take milliseconds each and wait for nothing; others come in between.
    await breathe();
    if ((await store(group, one.idOf(at))) === 'duplicate') {
      if (one.mayBeResent) config.metrics.resent(1);
      else await store(group, one.otherIdOf(at));
    }
    one.stored = at + 1;
  }
}
