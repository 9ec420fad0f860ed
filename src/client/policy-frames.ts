import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type TrainStepRequest,
  TrainStepRequestSchema,
  type UpdateMode,
  type UpdateWeightsRequest,
  UpdateWeightsRequestSchema,
  WeightsHeaderSchema,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import { rowToProto } from '../contract/index.ts';
import { chunksOf, sha256, WIRE_LIMITS } from '../wire/index.ts';
import type { TrainingRow, TrainStepOptions, Weights } from './policy-types.ts';

/** The frames of a training step. */
export async function* stepFrames(
  rows: Iterable<TrainingRow> | AsyncIterable<TrainingRow>,
  options: TrainStepOptions,
): AsyncGenerator<TrainStepRequest, void, void> {
  const {
    stepId,
    loss,
    lossSettings = {},
    learningRate = 0,
    expectedVersion,
    temperature,
  } = options;
  yield stepFrame({
    case: 'open',
    value: {
      stepId,
      loss,
      lossSettings: { ...lossSettings },
      learningRate,
      ...(expectedVersion !== undefined && { expectedVersion: BigInt(expectedVersion) }),
      ...(temperature !== undefined && { temperature }),
    },
  });
  for await (const { row, advantage } of rows) {
    yield stepFrame({ case: 'row', value: { row: rowToProto(row), advantage } });
  }
}

/** The frames of new weights. */
export async function* updateFrames(
  { policyVersion, tensors, bytes }: Weights,
  mode: UpdateMode,
): AsyncGenerator<UpdateWeightsRequest, void, void> {
  const header = create(WeightsHeaderSchema, {
    policyVersion: BigInt(policyVersion),
    tensors: tensors.map(({ name, shape, type }) => ({ name, shape: [...shape], type })),
    totalSize: BigInt(bytes.length),
    digest: sha256(bytes),
  });
  yield create(UpdateWeightsRequestSchema, {
    frame: { case: 'open', value: { header, mode } },
  });
  for (const { data } of chunksOf(bytes, WIRE_LIMITS.maxChunkBytes)) {
    yield create(UpdateWeightsRequestSchema, { frame: { case: 'data', value: data } });
  }
}

function stepFrame(
  frame: NonNullable<MessageInitShape<typeof TrainStepRequestSchema>['frame']>,
): TrainStepRequest {
  return create(TrainStepRequestSchema, { frame });
}
