import { shareBatches } from './batch-shares.ts';
import { environmentStatusText } from './environment-status.ts';
import { laxInteger, laxNumber, model, optional, required, text } from './lax-values.ts';
import { json, type Route, type RouteContext } from './route.ts';
import { batchSizeOf, findRun } from './run-of.ts';
import { environmentId } from './scored-data.ts';
import { Unprocessable } from './unprocessable.ts';

/** `POST /register-env`: "wait" until the trainer has asked for its first batch. */
export const registerEnvironmentRoute: Route = async (context) => {
  const body = model((await context.body()).value, []);
  const minShare = optional(body, 'min_batch_allocation');
  const registration = {
    contextTokens: laxInteger(required(body, 'max_token_length'), ['max_token_length']),
    desiredName: text(required(body, 'desired_name'), ['desired_name']),
    weight: laxNumber(required(body, 'weight'), ['weight']),
    groupSize: laxInteger(required(body, 'group_size'), ['group_size']),
    minShare: minShare === undefined ? undefined : shareOf(minShare),
  };
  const run = await findRun(context);
  const { session } = context;
  if (run === undefined || !session.isStarted) {
    return json({ status: 'wait for trainer to start' });
  }
  const record = session.environments.register(registration);
  // What the SDK does at any status but success: it asks again in a second.
  if (record === undefined) return json({ status: 'wait: too many environments are connected' });
  await context.file.save(() => session.saved(run));
  await shareBatches(run, context);
  return json({
    status: 'success',
    env_id: record.id,
    wandb_name: record.name,
    checkpoint_dir: session.registration?.checkpointDir ?? '',
    starting_step: session.stepOf(run),
    checkpoint_interval: session.registration?.saveCheckpointInterval ?? -1,
    num_steps: session.registration?.numSteps ?? -1,
  });
};

/** `POST /disconnect-env`: it counts no longer in weights and minimum shares. */
export const disconnectEnvironmentRoute: Route = async (context) => {
  const body = model((await context.body()).value, []);
  const id = laxInteger(required(body, 'env_id'), ['env_id']);
  const run = await findRun(context);
  const { session } = context;
  if (!session.environments.disconnect(id)) {
    return json({ status: 'failure', error: `there is no environment ${id}` });
  }
  if (run !== undefined) {
    await context.file.save(() => session.saved(run));
    await shareBatches(run, context);
  }
  return json({ status: 'success' });
};

/** `GET /status-env` with a body, with a query, and as a POST: what an environment steers by. */
export const environmentStatusRoute: Route = async (context) => {
  const id = await askedId(context);
  const { session, config } = context;
  const run = await findRun(context);
  const environment = session.environments.meet(id);
  // Nothing to share: before a run is opened, or past the bound of environments.
  if (environment === undefined || run === undefined) return json(ALONE);
  const status = await config.broker.status(run.id);
  session.waiting.trim(status.waitingGroups);
  const text = environmentStatusText({
    environment,
    alive: session.environments.alive(),
    waiting: session.waiting,
    otherSequences: Math.max(0, status.waitingRows - session.waiting.total),
    batchSize: batchSizeOf(run),
    currentStep: session.stepOf(run),
  });
  return { answer: { kind: 'raw', bytes: Buffer.from(text) } };
};

const ALONE = Object.freeze({
  current_step: 0,
  queue_size: 0,
  unallocated_fraction: 1,
  self_queue_size: 0,
  max_group_size: 1,
  env_weight: 1,
});

async function askedId({ query, optionalBody }: RouteContext): Promise<number> {
  const asked = query.get('env_id');
  if (asked !== null) return environmentId(asked, ['env_id']);
  const body = await optionalBody();
  if (body === undefined) throw new Unprocessable([], 'missing', 'Field required');
  return environmentId(required(model(body.value, []), 'env_id'), ['env_id']);
}

/** Of a batch. More than a whole one can't be kept for anybody. */
function shareOf(value: unknown): number {
  const share = laxNumber(value, ['min_batch_allocation']);
  if (share >= 0 && share <= 1) return share;
  const detail = 'Input should be from 0 to 1';
  throw new Unprocessable(['min_batch_allocation'], 'out_of_range', detail);
}
