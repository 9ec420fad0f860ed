import { openDurableBroker, openFilesStore } from '../../broker/index.ts';
import { connect, type LachesisClient } from '../../client/index.ts';
import type { Rollout } from '../../contract/index.ts';
import { startServer } from '../../server/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import type { CommandIo } from '../command.ts';
import { chooseModel } from '../model-options.ts';
import { RolloutWriter } from '../rollout-writer.ts';
import { bytesText } from '../store/task.ts';
import { count, percent } from '../words.ts';
import { addressOf, Child } from './child.ts';
import type { KeptStart, StartRecord } from './kept-start.ts';
import { keptTally } from './kept-tally.ts';
import { type Measurement, measure } from './measure.ts';
import { GROUP_SIZE, GROUPS_PER_BATCH, RUN_ID } from './plan.ts';
import { placeText } from './sandbox-account.ts';
import type { StartEnvironment } from './start-environment.ts';
import type { Outcome, StoreOutcome } from './summary.ts';
import { train } from './train.ts';
import { readSteps } from './trainer.ts';

/**
 * What one that was killed was playing is played again when its leases are over. The worker is in this
 * very process, and renews them in good time.
 */
const ASSIGNMENT_LEASE_MS = 10_000;

/** Starts the policy, the server and the trainer, each as its own party, and waits for the trainer. */
export async function play(
  kept: KeptStart,
  begun: StartRecord,
  hosted: StartEnvironment,
  given: CommandIo,
): Promise<{ readonly outcome: Outcome; readonly record: StartRecord }> {
  let record = begun;
  const { plan } = record;
  const broken = new AbortController();
  const signal = AbortSignal.any([given.signal, broken.signal]);
  const io = { ...given, signal };
  try {
    const { environment, sandboxes, account } = hosted;
    if (sandboxes !== undefined) io.out(`${placeText(sandboxes)}\n`);
    io.out('Starting the policy, the server and, once it is measured, the trainer...\n');
    await kept.untilFree(signal);
    await using policyProcess = new Child(
      'policy',
      '../run',
      ['policy', '--seed', String(plan.seed), '--keep', kept.policy],
      { apart: true },
    );
    const policyAddress = await addressOf(policyProcess, signal);
    policyProcess.ended.addEventListener('abort', () => broken.abort(policyProcess.ended.reason));
    await using model = await chooseModel({ 'policy-address': policyAddress }, io);
    await using writer = new RolloutWriter(kept.rolloutFile());
    const save = async (changes: Partial<StartRecord>): Promise<void> => {
      const { wallSeconds, rolloutsWritten } = begun;
      record = {
        ...{ ...record, ...changes },
        wallSeconds: wallSeconds + secondsSinceStart(),
        rolloutsWritten: rolloutsWritten + writer.count,
      };
      await kept.write(record);
    };
    await using opened = new AsyncDisposableStack();
    const store = await openFilesStore(kept.store);
    opened.defer(() => store.close());
    const broker = openDurableBroker({
      store,
      assignmentLeaseMs: ASSIGNMENT_LEASE_MS,
      onFailure: (error) => broken.abort(error),
    });
    opened.defer(() => broker.close());
    // Before the server plays on.
    const tally = await keptTally(broker, { notScored: begun.notScored, signal });
    let first = true;
    await using server = await startServer({
      environments: [environment],
      sandboxes: sandboxes?.pool,
      modelServerFor: () => model.modelServer,
      broker,
      concurrency: GROUPS_PER_BATCH * GROUP_SIZE,
      port: 0,
      auth: { kind: 'start_tokens' },
      logger: silentLogger,
      onRolloutFinished: (rollout: Rollout, runId: string) => {
        if (first) io.out(`first rollout after ${secondsSinceStart().toFixed(1)} s\n`);
        first = false;
        writer.write(rollout, runId);
        if (runId === RUN_ID) tally.add(rollout);
      },
    });
    await using client = await connect({ address: server.address, signal });
    const measureNow = (episodes: number): Promise<Measurement> =>
      measure(client, environment.name, episodes, signal);

    const { before = await measureNow(plan.episodesBefore) } = record;
    if (record.before === undefined) await save({ before });
    io.out(`before training: ${percent(before.success)} of ${before.episodes} episodes succeed\n`);
    if (begun.before !== undefined) {
      const steps = readSteps(kept.steps).length;
      const { tornBytes, uncommittedBytes } = store.recovery;
      const cut = tornBytes + uncommittedBytes;
      const lost = cut === 0 ? '' : `; cut off ${bytesText(cut)} that nobody had accepted yet`;
      io.out(`resumed: ${steps} steps, ${await heldText(client)}${lost}\n`);
    }
    await openRun(client, environment.name);
    const trained = await train({
      ...{ plan, tally, io, signal, server: server.address, policy: policyAddress },
      stepsFile: kept.steps,
      secondsBefore: begun.trainSeconds,
      onStep: (trainSeconds) => save({ trainSeconds, notScored: tally.notScored }),
    });
    await save({ trainSeconds: trained.trainSeconds, notScored: tally.notScored });
    const after = await measureNow(plan.episodesAfter);
    await save({});
    const outcome: Outcome = {
      ...{ before, after, tally, ...trained },
      rolloutFile: writer.path,
      rolloutsWritten: record.rolloutsWritten,
      wallSeconds: record.wallSeconds,
      store: await storeOutcome(client, kept.store, store.stats().liveBytes),
      resumed: record.resumed,
      ...(sandboxes === undefined ? {} : { sandboxes: account.text(sandboxes) }),
    };
    return { outcome, record };
  } catch (error) {
    // Whatever fails once a part has ended fails for that.
    if (broken.signal.aborted && !given.signal.aborted) throw broken.signal.reason;
    throw error;
  }
}

function openRun(client: LachesisClient, environment: string) {
  return client.runs.open(RUN_ID, {
    batchSize: { kind: 'groups', groups: GROUPS_PER_BATCH },
    trainingPolicy: 'strict',
    autoPlay: {
      environments: [{ environment, groupSize: GROUP_SIZE }],
      maxAhead: GROUPS_PER_BATCH,
      // On policy: the next groups begin when this batch is trained on, published and acked.
      maxBatchesAhead: 1,
    },
  });
}

/** What the store had of the run when it was opened. */
async function heldText(client: LachesisClient): Promise<string> {
  for await (const { id } of client.runs.list()) {
    if (id !== RUN_ID) continue;
    const { acceptedGroups, waitingGroups } = await client.runs.status(id);
    return `${count(acceptedGroups)} groups accepted, ${count(waitingGroups)} of them waiting`;
  }
  return 'no run yet';
}

async function storeOutcome(
  client: LachesisClient,
  folder: string,
  heldBytes: number,
): Promise<StoreOutcome> {
  const { acceptedGroups, droppedGroups, run } = await client.runs.status(RUN_ID);
  const trainedGroups = run.step * GROUPS_PER_BATCH;
  return { folder, acceptedGroups, trainedGroups, droppedGroups, heldBytes };
}

function secondsSinceStart(): number {
  return performance.now() / 1000;
}
