import { randomUUID } from 'node:crypto';
import { startDeadline } from '../../async/index.ts';
import type { Broker, RunState } from '../../broker/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { EarlyGroups } from './early-groups.ts';
import type { AtroposConfig } from './gateway-options.ts';
import type { ScoredData } from './scored-data.ts';
import type { Session } from './session.ts';
import { storeScoredData } from './store-scored-data.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

export interface PushTarget {
  readonly config: AtroposConfig;
  readonly session: Session;
  readonly run: RunState;
  readonly signal: AbortSignal;
}

/** Name of groups that say no environment. */
const NO_ENVIRONMENT = 'atropos';

/** Refuses a group that no batch of the run can hold, before any of its push is stored. */
export function assertFits({ tokens }: ScoredData, run: RunState, loc: Location): void {
  const { batchSize } = run.settings;
  if (batchSize.kind !== 'rows' || tokens.length <= batchSize.rows) return;
  const detail = `has ${tokens.length} sequences and a batch ${batchSize.rows}; a group is never split`;
  throw new Unprocessable([...loc, 'tokens'], 'group_larger_than_batch', detail);
}

/** Submits a group as any other producer does, waiting for room until `untilMs` or the signal fires. */
export async function pushGroup(
  data: ScoredData,
  { config, session, run, signal }: PushTarget,
  untilMs: number,
): Promise<void> {
  const { broker, clock, onChange } = config;
  const environment = data.envId === undefined ? undefined : session.environments.meet(data.envId);
  if (environment !== undefined) session.environments.sawGroup(environment, data.tokens.length);
  const groupId = `atropos-${randomUUID()}`;
  const stored = storeScoredData(data, {
    groupId,
    run,
    environment: legalName(environment?.name ?? NO_ENVIRONMENT),
    nowMs: Math.floor(clock.nowMs()),
  });
  await submit(broker, stored, () => Math.max(0, untilMs - clock.nowMs()), signal);
  session.waiting.add({ id: groupId, envId: data.envId, sequences: data.tokens.length });
  session.latest = stored;
  onChange(run.id);
}

/**
 * Submits what was pushed before there was a run. What finds no room stays for the next time; what no
 * batch can hold is told in the log, since its push was answered.
 */
export async function pushEarlyGroups(early: EarlyGroups, target: PushTarget): Promise<void> {
  const { clock, logger } = target.config;
  try {
    await early.leave(async (data) => {
      try {
        assertFits(data, target.run, []);
        await pushGroup(data, target, clock.nowMs());
      } catch (error) {
        if (error instanceof LachesisError && error.kind === 'resource_exhausted') throw error;
        logger.warn('a group pushed before its run was opened was dropped', {
          reason: error instanceof LachesisError ? error.reason : errorMessage(error),
        });
      }
    });
  } catch (error) {
    logger.info('groups pushed before their run was opened wait for room', {
      groups: early.groups,
      reason: errorMessage(error),
    });
  }
}

async function submit(
  broker: Broker,
  group: Parameters<Broker['submit']>[0],
  leftMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await broker.submit(group);
      return;
    } catch (error) {
      if (!(error instanceof LachesisError) || error.kind !== 'resource_exhausted') throw error;
      using patience = startDeadline({ timeoutMs: leftMs(), reason: () => error, signal });
      await broker.waitForRoom(group.runId, patience.signal, group);
      if (patience.aborted) throw error;
    }
  }
}

/** A name as a run's environments may have: Atropos takes any text. */
function legalName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._:/@=+-]/g, '-').slice(0, 200);
}
