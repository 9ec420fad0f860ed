import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lcg } from '../../../bench/support/sample-group.ts';
import { pause } from '../../../src/async/index.ts';
import type { LachesisClient } from '../../../src/client/index.ts';
import { BATCH_ROWS, connectWhenUp, crashClient, openCrashRun, RUN } from './crash-client.ts';
import type { Evidence, RankEvent } from './evidence.ts';
import { DEATHS } from './moment-hooks.ts';
import { momentText, readMoment } from './moments.ts';
import { groupOf, type ProducerLog, produce } from './producer.ts';
import { train } from './rank.ts';
import type { ServerChildOptions } from './server-child.ts';
import { COMPILE_CACHE, freePort, ServerProcess } from './server-process.ts';

const PRODUCERS = 4;
const WORLD_SIZE = 2;
/** A server that is not told where to die lives until so many groups were accepted, at most... */
const MAX_GROUPS = 16;
/** ...and up to so long after that; or for so long in all, as when its queue is full. */
const AFTER_MS = 120;
const LIFE_MS = 4_000;
/** Until the queue must be empty once nobody is killed any more. */
const DRAIN_MS = 60_000;

export interface CrashTrialOptions {
  readonly seed: number;
  /** False when it was enough. */
  readonly goOn: (kills: number) => boolean;
  /** Which lives are `lachesis serve` itself. Default: every fifteenth. */
  readonly isReal?: (life: number) => boolean;
  readonly liar?: 'store' | 'disk';
  readonly segmentBytes?: number;
  /** Hears of each death. */
  readonly onKill?: (moment: string, server: ServerProcess) => void;
}

export interface CrashTrial {
  readonly evidence: Evidence;
  readonly kills: number;
  /** How many of them were of `lachesis serve` itself. */
  readonly realKills: number;
  /** What the server was in the middle of, and how often. */
  readonly histogram: ReadonlyMap<string, number>;
  /** Why no server came up any more. */
  readonly refused: string | undefined;
  /** Gone with the trial's disposal. */
  readonly folder: string;
}

/**
 * One store under load from four producers and the two ranks of a trainer, its server killed again and
 * again; then left alone until its queue is empty.
 */
export async function crashTrial(
  options: CrashTrialOptions,
): Promise<CrashTrial & AsyncDisposable> {
  const { seed, goOn, isReal = (life) => life % 15 === 7, liar, onKill = () => {} } = options;
  const random = lcg(seed);
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-crash-'));
  await using owned = new AsyncDisposableStack();
  owned.defer(() => rmSync(root, { recursive: true, force: true }));
  const folder = path.join(root, 'store');
  const port = await freePort();
  const log: ProducerLog = { sent: new Set(), accepted: [] };
  const events: RankEvent[] = [];
  const histogram = new Map<string, number>();
  let kills = 0;
  let realKills = 0;
  const moments = path.join(root, 'moments');
  mkdirSync(path.join(root, 'cwd'));

  const start = async (life: number, isLast: boolean): Promise<ServerProcess> => {
    if (!isLast && liar === undefined && isReal(life)) {
      return await ServerProcess.serve({ folder, port, cwd: path.join(root, 'cwd') });
    }
    const at = DEATHS[Math.floor(random() * DEATHS.length)]!;
    // Half of them die where they are told to, the others wherever they are. The first opens the run.
    const death = life > 0 && !isLast && liar === undefined && random() < 0.5;
    return await ServerProcess.lean({
      ...{ folder, port, moments, liar: isLast ? undefined : liar },
      ...(death && { death: { at, count: 1 + Math.floor(random() * 25) } }),
      segmentBytes: options.segmentBytes ?? 2 ** 21,
      logBytes: 100_000,
      compileCache: COMPILE_CACHE,
    } as ServerChildOptions);
  };

  const enough = new AbortController();
  const stop = new AbortController();
  owned.defer(() => stop.abort());
  const failed = new AbortController();
  const work = (job: Promise<void>): Promise<void> =>
    job.catch((error: unknown) => {
      if (!stop.signal.aborted) failed.abort(error);
    });
  const jobs: Promise<void>[] = [];
  let refused: string | undefined;
  for (let life = 0; goOn(kills); life += 1) {
    failed.signal.throwIfAborted();
    await using server = await start(life, false);
    if (server.hasEnded && (await server.ended) !== 'SIGKILL') {
      refused = server.said;
      break;
    }
    if (life === 0) {
      await using client = await connectWhenUp(port);
      await openCrashRun(client);
      for (let index = 0; index < PRODUCERS; index += 1) {
        const own = lcg(seed * 100 + index);
        const name = `p${index}`;
        const signal = stop.signal;
        jobs.push(work(produce({ name, port, random: own, log, enough: enough.signal, signal })));
      }
      for (let rank = 0; rank < WORLD_SIZE; rank += 1) {
        const own = lcg(seed * 1_000 + rank);
        const isRestless = (): boolean => !enough.signal.aborted;
        const signal = stop.signal;
        const state = {
          rank,
          worldSize: WORLD_SIZE,
          port,
          random: own,
          events,
          isRestless,
          signal,
        };
        jobs.push(work(train(state)));
      }
    }
    const until = log.accepted.length + Math.floor(random() * MAX_GROUPS);
    const isDue = (): boolean => log.accepted.length >= until;
    // What a lying disk has not done is done a little later.
    const afterMs = liar === 'disk' ? 0 : random() * AFTER_MS;
    const worked = untilWorked(isDue, afterMs, failed.signal);
    await Promise.race([worked, server.ended]);
    await server.signal('SIGKILL');
    const isTold = liar === undefined && !isReal(life);
    const moment = isTold ? momentText(readMoment(moments)) : 'anywhere in `lachesis serve`';
    kills += 1;
    if (liar === undefined && isReal(life)) realKills += 1;
    histogram.set(moment, (histogram.get(moment) ?? 0) + 1);
    onKill(moment, server);
  }
  enough.abort();
  if (refused === undefined) {
    await using server = await start(-1, true);
    if (server.hasEnded) refused = server.said;
    else {
      await using client = crashClient(port);
      await Promise.all(jobs.slice(0, PRODUCERS));
      await emptyQueue(client, log, random, failed.signal);
    }
  }
  stop.abort();
  await Promise.all(jobs);
  failed.signal.throwIfAborted();
  const evidence = { ...log, events, worldSize: WORLD_SIZE };
  const all = owned.move();
  return {
    ...{ evidence, kills, realKills, histogram, refused, folder },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Looks now and then, as nobody tells. */
async function untilWorked(
  isDue: () => boolean,
  afterMs: number,
  failed: AbortSignal,
): Promise<void> {
  const end = AbortSignal.any([failed, AbortSignal.timeout(LIFE_MS)]);
  while (!isDue() && !end.aborted) await pause(5, end);
  await pause(afterMs, failed);
}

/** Fills up the last batch, and waits until the trainer is done with everything. */
async function emptyQueue(
  client: LachesisClient,
  log: ProducerLog,
  random: () => number,
  failed: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([failed, AbortSignal.timeout(DRAIN_MS)]);
  let before = 0;
  for (let filler = 1; ; ) {
    signal.throwIfAborted();
    const { waitingRows, leasedBatches } = await client.runs.status(RUN, { signal });
    if (waitingRows === 0 && leasedBatches === 0) return;
    await pause(50, signal);
    // More than a batch may be waiting of which no part fills one exactly.
    const isStuck = waitingRows < BATCH_ROWS || waitingRows === before;
    before = waitingRows;
    if (waitingRows === 0 || leasedBatches > 0 || !isStuck) continue;
    await using stream = client.work.submitGroups(RUN, { signal });
    const group = groupOf(`filler-${filler}`, random, 1);
    filler += 1;
    log.sent.add(group.header.groupId);
    await stream.submit(group);
    const digest = Buffer.from(group.digest).toString('hex');
    log.accepted.push({ groupId: group.header.groupId, digest });
  }
}
