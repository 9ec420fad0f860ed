import type { RunState, StoredGroup } from '../../broker/index.ts';
import { adoptRun } from './adopt-run.ts';
import { bytesOf } from './group-work.ts';
import { pushEarlyGroups } from './push-groups.ts';
import { json, type Route, type RouteContext } from './route.ts';
import { batchSizeOf, findRun } from './run-of.ts';
import { Session } from './session.ts';
import {
  readTrainerRegistration,
  registrationUuid,
  runSettingsOf,
  type TrainerRegistration,
} from './trainer-registration.ts';

/** `POST /register`: opens the run, or joins it as it is. */
export const registerRoute: Route = async (context) => {
  const { state } = context;
  const registration = readTrainerRegistration((await context.body()).value);
  const run = await openRun(context, registration);
  batchSizeOf(run);
  const { session, file } = state;
  if (session.register(registration, run)) await file.save(() => session.saved(run));
  await pushEarlyGroups(context.early, { ...context, session, run });
  return json({ uuid: registrationUuid() });
};

async function openRun(
  { config, run: current, state }: RouteContext,
  registration: TrainerRegistration,
): Promise<RunState> {
  const { session } = state;
  const wasOwn = session.isOwn;
  // Said before it is, so that nobody who finds it meanwhile takes it for one that was there.
  session.isOwn = true;
  try {
    const settings = runSettingsOf(registration, config.limits.maxWaitingGroups);
    const { run, existed } = await current.open(settings);
    session.isOwn = wasOwn || !existed;
    // Where an operator closed the last one, this is another run.
    if (session.runId !== undefined && session.runId !== run.id) {
      state.session = new Session(config, session.latest);
      state.session.isOwn = !existed;
    }
    await adoptRun(run, state);
    return run;
  } catch (error) {
    session.isOwn = wasOwn;
    throw error;
  }
}

/** `GET /batch`: a batch, or null when the queue is short. */
export const batchRoute: Route = async (context) => {
  const { session, desk, config } = context;
  const run = await findRun(context);
  if (run === undefined || run.closed) {
    const message =
      run === undefined
        ? 'Trainer not registered. Call /register first.'
        : `Run ${run.id} is closed. Call /register to open another.`;
    return json({ status: 'error', message, batch: [] });
  }
  batchSizeOf(run);
  session.isStarted = true;
  const held = await desk.take(run.id, context.signal);
  if (held === undefined) return json({ batch: null });
  const { batch } = held;
  session.handsOut(batch.step);
  session.waiting.taken(batch.groups.map(({ id }) => id));
  config.onChange(run.id);
  return {
    answer: { kind: 'pieces', pieces: batchText(context, batch.groups) },
    written: async () => {
      await held.written();
      config.onChange(run.id);
    },
    lost: held.lost,
  };
};

/** A group at a time, so that no more of a batch than that has to be at hand. */
async function* batchText(
  context: RouteContext,
  groups: readonly StoredGroup[],
): AsyncGenerator<Iterable<string | Uint8Array>> {
  yield ['{"batch":['];
  for (const [index, group] of groups.entries()) {
    if (index > 0) yield [','];
    yield await textOf(group, context);
  }
  yield [']}'];
}

async function textOf(
  group: StoredGroup,
  { work, session, signal }: RouteContext,
): Promise<Iterable<string | Uint8Array>> {
  return await work.write(group, session.environments.idOf(group.environment), signal);
}

/** `GET /status`: the step, and the groups that wait. */
export const statusRoute: Route = async (context) => {
  const run = await findRun(context);
  if (run === undefined) {
    return json({ current_step: 0, queue_size: (await context.early.waiting()).groups });
  }
  const { waitingGroups } = await context.config.broker.status(run.id);
  return json({ current_step: context.session.stepOf(run), queue_size: waitingGroups });
};

/** `GET /info`: what the trainer said of its batches; -1 before it did. */
export const infoRoute: Route = async (context) => {
  const run = await findRun(context);
  return json({
    batch_size: run === undefined ? -1 : batchSizeOf(run),
    max_token_len: context.session.registration?.maxTokenLen ?? -1,
  });
};

/** `GET /wandb_info`: environments wait until there is a project. */
export const wandbInfoRoute: Route = async (context) => {
  const { registration } = context.session;
  const run = await findRun(context);
  if (run === undefined) return json({ group: null, project: null });
  // A run that a gRPC trainer opened has no such names.
  return json({
    group: registration?.wandbGroup ?? run.id,
    project: registration?.wandbProject ?? 'lachesis',
  });
};

/** `GET /latest_example`: the group that was stored last. */
export const latestExampleRoute: Route = async (context) => {
  const { latest } = context.session;
  if (latest === undefined) return json(NO_EXAMPLE);
  const pieces = await textOf(latest, context);
  // One group, whose length is known before it is sent: short ones are not compressed.
  return { answer: { kind: 'raw', bytes: bytesOf(pieces) } };
};

const NO_EXAMPLE = Object.freeze({
  tokens: [],
  masks: [],
  scores: [],
  advantages: [],
  ref_logprobs: [],
  generation_params: [],
  inference_logprobs: [],
  messages: [],
  images: [],
});

/** `GET /reset_data`: closes the run; the next registration opens another. */
export const resetRoute: Route = async ({ state, run }) => {
  await run.reset();
  state.session = new Session(state.config, state.session.latest);
  await state.early.clear();
  return { answer: { kind: 'text', text: 'Reset successful' } };
};

export const rootRoute: Route = async () => json({ message: 'AtroposLib API' });
