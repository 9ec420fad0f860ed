import { startDeadline } from '../../async/index.ts';
import type { Broker, RunState, StoredGroup, SubmitOutcome } from '../../broker/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { EarlyRun } from './early-run.ts';
import { legalName } from './environments.ts';
import type { AtroposConfig } from './gateway-options.ts';
import { flawOf } from './pushed-logprobs.ts';
import { parseBody } from './request-body.ts';
import { readScoredData, type ScoredData } from './scored-data.ts';
import { scoredDataText } from './scored-data-text.ts';
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
  groupId: string,
  target: PushTarget,
  untilMs: number,
): Promise<SubmitOutcome['kind']> {
  const { config, session, run } = target;
  const known = data.envId === undefined ? undefined : session.environments.meet(data.envId);
  if (known !== undefined) session.environments.sawGroup(known, data.tokens.length);
  const environment = known?.name ?? NO_ENVIRONMENT;
  const { kind, group } = await submitGroup(data, { groupId, environment }, target, untilMs);
  if (kind === 'duplicate') return kind;
  session.waiting.add({ id: groupId, envId: data.envId, sequences: data.tokens.length });
  session.latest = group;
  countFlaws(data, environment, target);
  config.onChange(run.id);
  return kind;
}

/** Submits a group to the run of those that came before one was opened. */
export async function pushEarlyGroup(
  data: ScoredData,
  groupId: string,
  target: PushTarget,
): Promise<SubmitOutcome['kind']> {
  // Its environment is met when the group has a run to be counted in.
  const as = { groupId, environment: NO_ENVIRONMENT };
  return (await submitGroup(data, as, target, target.config.clock.nowMs())).kind;
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
        const data = await readBack(group, signal);
        assertFits(data, target.run, []);
        await pushGroup(data, group.id, target, clock.nowMs());
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

async function readBack(group: StoredGroup, signal: AbortSignal): Promise<ScoredData> {
  const header = await group.payload.header({ signal });
  const parts = await group.payload.parts({ signal });
  const written = [...scoredDataText(group, { header, parts }, () => undefined)].join('');
  const { value, text } = parseBody(Buffer.from(written));
  return readScoredData(value as Parameters<typeof readScoredData>[0], () => text);
}

async function submitGroup(
  data: ScoredData,
  as: { readonly groupId: string; readonly environment: string },
  { config, run, signal }: PushTarget,
  untilMs: number,
): Promise<{ readonly kind: SubmitOutcome['kind']; readonly group: StoredGroup }> {
  const { broker, clock } = config;
  const group = storeScoredData(data, {
    groupId: as.groupId,
    environment: legalName(as.environment),
    run,
    nowMs: Math.floor(clock.nowMs()),
  });
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
function countFlaws(data: ScoredData, environment: string, { config, session }: PushTarget): void {
  data.inferenceLogprobs?.forEach((logprobs, i) => {
    const flaw = flawOf(logprobs, data.masks[i] as Int32Array);
    if (flaw === undefined) return;
    config.metrics.withoutLogprobs(flaw);
    if (session.toldOfFlaws.has(environment)) return;
    session.toldOfFlaws.add(environment);
    config.logger.warn('inference_logprobs of trained tokens are no logprobs: rows have none', {
      environment,
      reason: flaw,
    });
  });
}
