import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type EnvironmentShareSchema,
  type RunSettings as RunSettingsProto,
  WhenShort,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import type { EnvironmentShare } from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import { MAX_ENVIRONMENTS } from './auto-play.ts';
import { enumTable } from './enum-table.ts';
import { assertId } from './ids.ts';
import { assertWeight } from './weight.ts';

const whenShorts = enumTable<EnvironmentShare['whenShort'], WhenShort>('fallback', {
  release: WhenShort.RELEASE,
  wait: WhenShort.WAIT,
});

/** Shares of 0.1 ten times are a little more than 1. */
const ROUNDING = 1e-9;

export function sharesToProto(
  shares: readonly EnvironmentShare[],
): MessageInitShape<typeof EnvironmentShareSchema>[] {
  return shares.map((share) => ({ ...share, whenShort: whenShorts.toProto(share.whenShort) }));
}

export function sharesFromProto(
  { shares, environments }: RunSettingsProto,
  field: string,
): readonly EnvironmentShare[] {
  if (shares.length > MAX_ENVIRONMENTS) {
    throw invalidInput(
      `${field}.shares`,
      `are ${shares.length}; a run may name ${MAX_ENVIRONMENTS}.`,
    );
  }
  const names = new Set<string>();
  let sum = 0;
  return shares.map(({ environment, weight = 1, minShare, whenShort }, i) => {
    const path = `${field}.shares[${i}]`;
    assertId(environment, `${path}.environment`);
    if (names.has(environment)) {
      throw invalidInput(`${path}.environment`, `names \`${environment}\` a second time.`);
    }
    names.add(environment);
    if (environments.length > 0 && !environments.includes(environment)) {
      throw invalidInput(
        `${path}.environment`,
        `is \`${environment}\`, which \`${field}.environments\` does not name.`,
      );
    }
    assertWeight(weight, `${path}.weight`);
    sum += minShare;
    if (!(minShare >= 0 && sum <= 1 + ROUNDING)) {
      throw invalidInput(
        `${path}.min_share`,
        `is ${minShare}; it is a part of a batch, and all of them together are at most 1.`,
        { reason: 'SHARE_OUT_OF_RANGE', remedy: 'Give each what every batch can hold of it.' },
      );
    }
    return {
      environment,
      weight,
      minShare,
      whenShort:
        whenShort === WhenShort.UNSPECIFIED
          ? 'release'
          : whenShorts.fromProto(whenShort, `${path}.when_short`),
    };
  });
}
