import { create } from '@bufbuild/protobuf';
import {
  type TrainStepOpen,
  type TrainStepRequest,
  type TrainStepResponse,
  TrainStepResponseSchema,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import { assertId, rowFromProto } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import type { TrainRow, TrainStepOptions } from '../policy/index.ts';
import { TRAIN_STEP_FIELDS, withWireFields } from './policy-fields.ts';
import { LOSS_NAMES, type ServedPolicy } from './served-policy.ts';
import { trainRowOf } from './train-rows.ts';

/** Tokens that one step may hold. */
const MAX_STEP_TOKENS = 64 * 1_048_576;

/**
 * Training steps over the wire. Asking twice with the same step id trains once and answers the same: the
 * policy remembers what it has done, and here is what it is at.
 */
export class TrainSteps {
  readonly #policy: Pick<ServedPolicy, 'trainStep'>;
  readonly #underWay = new Map<string, Promise<TrainStepResponse>>();

  constructor(policy: Pick<ServedPolicy, 'trainStep'>) {
    this.#policy = policy;
  }

  async run(
    requests: AsyncIterable<TrainStepRequest>,
    signal: AbortSignal,
  ): Promise<TrainStepResponse> {
    const { open, rows } = await receiveStep(requests);
    const known = this.#underWay.get(open.stepId);
    if (known !== undefined) return await known;
    const step = this.#train(open, rows, signal);
    this.#underWay.set(open.stepId, step);
    try {
      return await step;
    } finally {
      this.#underWay.delete(open.stepId);
    }
  }

  async #train(
    open: TrainStepOpen,
    rows: readonly TrainRow[],
    signal: AbortSignal,
  ): Promise<TrainStepResponse> {
    const result = await withWireFields(TRAIN_STEP_FIELDS, () =>
      this.#policy.trainStep(rows, { ...stepOptionsOf(open), stepId: open.stepId, signal }),
    );
    return create(TrainStepResponseSchema, {
      policyVersion: BigInt(result.version),
      loss: result.loss,
      gradientNorm: result.gradNorm,
      maxRatioDeviation: result.maxRatioDeviation,
      meanKl: result.meanKl,
      trainedTokens: BigInt(result.trainedTokens),
    });
  }
}

async function receiveStep(
  requests: AsyncIterable<TrainStepRequest>,
): Promise<{ readonly open: TrainStepOpen; readonly rows: readonly TrainRow[] }> {
  let open: TrainStepOpen | undefined;
  const rows: TrainRow[] = [];
  let tokens = 0;
  for await (const { frame } of requests) {
    if (open === undefined) {
      if (frame.case !== 'open') throw invalidInput('open', 'must be the first frame.');
      open = frame.value;
      assertId(open.stepId, 'open.step_id');
      continue;
    }
    const field = `rows[${rows.length}]`;
    if (frame.case !== 'row') throw invalidInput(field, 'only rows may follow the first frame.');
    const { row, advantage } = frame.value;
    if (row === undefined) throw invalidInput(`${field}.row`, 'is missing.');
    if (!Number.isFinite(advantage)) {
      throw invalidInput(`${field}.advantage`, `is ${advantage}; it must be finite.`);
    }
    tokens += row.tokenIds.length / 4;
    if (tokens > MAX_STEP_TOKENS) {
      throw invalidInput(field, `brings the step over ${MAX_STEP_TOKENS} tokens.`);
    }
    rows.push(trainRowOf(rowFromProto(row, `${field}.row`), advantage, `${field}.row`));
  }
  if (open === undefined) throw invalidInput('open', 'is missing.');
  if (rows.length === 0) throw invalidInput('rows', 'are missing: a step trains on at least one.');
  return { open, rows };
}

function stepOptionsOf(open: TrainStepOpen): TrainStepOptions {
  const { loss, lossSettings, learningRate, expectedVersion, temperature } = open;
  if (!Object.hasOwn(LOSS_NAMES, loss)) {
    const known = Object.keys(LOSS_NAMES).join(', ');
    throw invalidInput('open.loss', `is "${loss}"; this policy knows ${known}.`);
  }
  const { clip_low, clip_high, max_gradient_norm, ...unknown } = lossSettings as Record<
    string,
    number | undefined
  >;
  const stranger = Object.keys(unknown)[0];
  if (stranger !== undefined) {
    throw invalidInput(
      `open.loss_settings[${stranger}]`,
      'is not known; there are clip_low, clip_high and max_gradient_norm.',
    );
  }
  return {
    loss: LOSS_NAMES[loss as keyof typeof LOSS_NAMES],
    ...(clip_low !== undefined && { clipLow: clip_low }),
    ...(clip_high !== undefined && { clipHigh: clip_high }),
    ...(max_gradient_norm !== undefined && { maxGradNorm: max_gradient_norm }),
    // Not set on the wire reads as 0, which is no rate: the policy's own.
    ...(learningRate !== 0 && { learningRate }),
    ...(expectedVersion !== undefined && { expectedVersion: Number(expectedVersion) }),
    ...(temperature !== undefined && { temperature }),
  };
}
