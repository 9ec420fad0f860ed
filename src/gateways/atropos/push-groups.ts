import { startDeadline } from '../../async/index.ts';
import type { Broker, RunState, StoredGroup, SubmitOutcome } from '../../broker/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { EarlyRun } from './early-run.ts';
import { legalName } from './environments.ts';
import type { AtroposConfig } from './gateway-options.ts';
import type { GroupWork, PushedGroup } from './group-work.ts';
import type { Session } from './session.ts';
import type { StoredAs } from './store-scored-data.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

export interface PushTarget {
  readonly config: AtroposConfig;
  readonly session: Session;
  readonly work: GroupWork;
  readonly run: RunState;
  readonly signal: AbortSignal;
}

/** Name of groups that say no environment. */
const NO_ENVIRONMENT = 'atropos';

/** Refuses a group that no batch of the run can hold, before any of its push is stored. */
export function assertFits({ sequences }: PushedGroup, run: RunState, loc: Location): void {
  const { batchSize } = run.settings;
  if (batchSize.kind !== 'rows' || sequences <= batchSize.rows) return;
  const detail = `has ${sequences} sequences and a batch ${batchSize.rows}; a group is never split`;
  throw new Unprocessable([...loc, 'tokens'], 'group_larger_than_batch', detail);
}

/** Submits a group as any other producer does, waiting for room until `untilMs` or the signal fires. */
export async function pushGroup(
  pushed: PushedGroup,
  groupId: string,
  target: PushTarget,
  untilMs: number,
): Promise<SubmitOutcome['kind']> {
  const { config, session, run } = target;
  const known = pushed.envId === undefined ? undefined : session.environments.meet(pushed.envId);
  if (known !== undefined) session.environments.sawGroup(known, pushed.sequences);
  const environment = known?.name ?? NO_ENVIRONMENT;
  const { kind, group } = await submitGroup(pushed, { groupId, environment }, target, untilMs);
  if (kind === 'duplicate') return kind;
  session.waiting.add({ id: groupId, envId: pushed.envId, sequences: pushed.sequences });
  session.latest = group;
  countFlaws(pushed, environment, target);
  config.onChange(run.id);
  return kind;
}

/** Submits a group to the run of those that came before one was opened. */
export async function pushEarlyGroup(
  pushed: PushedGroup,
  groupId: string,
  target: PushTarget,
): Promise<SubmitOutcome['kind']> {
  // Its environment is met when the group has a run to be counted in.
  const as = { groupId, environment: NO_ENVIRONMENT };
  return (await submitGroup(pushed, as, target, target.config.clock.nowMs())).kind;
}

/**
 * Submits what was pushed before there was a run. What finds no room stays for the next time; what no
 * batch can hold is told in the log, since its push was answered.
 */
export async function pushEarlyGroups(early: EarlyRun, target: PushTarget): Promise<void> {
  const { config, signal } = target;
  const { clock, logger } = config;
  try {
    await early.leave(async (group) => {
      try {
        const pushed = await target.work.readBack(group, signal);
        assertFits(pushed, target.run, []);
        await pushGroup(pushed, group.id, target, clock.nowMs());
      } catch (error) {
        if (!(error instanceof LachesisError) || error.kind !== 'invalid_input') throw error;
        logger.warn('a group pushed before its run was opened was dropped', {
          group: group.id,
          reason: error.reason,
        });
      }
    });
  } catch (error) {
    logger.info('groups pushed before their run was opened wait for room', {
      reason: errorMessage(error),
    });
  }
}

async function submitGroup(
  pushed: PushedGroup,
  as: { readonly groupId: string; readonly environment: string },
  { config, run, signal }: PushTarget,
  untilMs: number,
): Promise<{ readonly kind: SubmitOutcome['kind']; readonly group: StoredGroup }> {
  const { broker, clock } = config;
  const stored: StoredAs = {
    groupId: as.groupId,
    environment: legalName(as.environment),
    runId: run.id,
    trainingPolicy: run.settings.trainingPolicy,
    policyVersion: run.policyVersion,
    nowMs: Math.floor(clock.nowMs()),
  };
  const group = await pushed.store(stored, signal);
  const leftMs = (): number => Math.max(0, untilMs - clock.nowMs());
  return { kind: await submit(broker, group, leftMs, signal), group };
}

async function submit(
  broker: Broker,
  group: Parameters<Broker['submit']>[0],
  leftMs: () => number,
  signal: AbortSignal,
): Promise<SubmitOutcome['kind']> {
  for (;;) {
    try {
      return (await broker.submit(group)).kind;
    } catch (error) {
      if (!(error instanceof LachesisError) || error.kind !== 'resource_exhausted') throw error;
      using patience = startDeadline({ timeoutMs: leftMs(), reason: () => error, signal });
      await broker.waitForRoom(group.runId, patience.signal, group);
      if (patience.aborted) throw error;
    }
  }
}

/** Sequences whose logprobs can't be ones are counted, and told once for each environment. */
function countFlaws(
  { flaws }: PushedGroup,
  environment: string,
  { config, session }: PushTarget,
): void {
  for (const flaw of flaws) {
    config.metrics.withoutLogprobs(flaw);
    if (session.toldOfFlaws.has(environment)) continue;
    session.toldOfFlaws.add(environment);
    config.logger.warn('inference_logprobs of trained tokens are no logprobs: rows have none', {
      environment,
      reason: flaw,
    });
  }
}
