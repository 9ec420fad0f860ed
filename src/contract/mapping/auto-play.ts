import { create } from '@bufbuild/protobuf';
import {
  type AutoPlay as AutoPlayProto,
  AutoPlaySchema,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import type { AutoPlay, AutoPlayEnvironment } from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import { MAX_GROUP_SIZE } from './assignment.ts';
import { assertId } from './ids.ts';
import { countFromInt32, upTo } from './scalars.ts';
import { assertWeight } from './weight.ts';

/** Most environments that a run may name. */
export const MAX_ENVIRONMENTS = 256;
/** Most groups that auto play may hold begun. */
const MAX_AHEAD = 10_000;

export function autoPlayToProto({ environments, ...rest }: AutoPlay): AutoPlayProto {
  return create(AutoPlaySchema, {
    ...rest,
    environments: environments.map((part) => ({ ...part })),
  });
}

export function autoPlayFromProto(
  proto: AutoPlayProto | undefined,
  field: string,
): AutoPlay | undefined {
  if (proto === undefined) return undefined;
  return {
    environments: autoPlayEnvironments(proto.environments, `${field}.environments`),
    maxAhead: upTo(MAX_AHEAD, proto.maxAhead, `${field}.max_ahead`),
    maxBatchesAhead: countFromInt32(proto.maxBatchesAhead, `${field}.max_batches_ahead`),
  };
}

function autoPlayEnvironments(
  protos: AutoPlayProto['environments'],
  field: string,
): readonly AutoPlayEnvironment[] {
  if (protos.length === 0 || protos.length > MAX_ENVIRONMENTS) {
    throw invalidInput(field, `are ${protos.length}; 1 to ${MAX_ENVIRONMENTS} are needed.`);
  }
  const names = new Set<string>();
  return protos.map(({ environment, groupSize, split, weight = 1 }, i) => {
    const path = `${field}[${i}]`;
    assertId(environment, `${path}.environment`);
    if (names.has(environment)) {
      throw invalidInput(`${path}.environment`, `names \`${environment}\` a second time.`);
    }
    names.add(environment);
    assertWeight(weight, `${path}.weight`);
    return {
      environment,
      groupSize: upTo(MAX_GROUP_SIZE, groupSize, `${path}.group_size`),
      split,
      weight,
    };
  });
}
