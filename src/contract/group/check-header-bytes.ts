import { toBinary } from '@bufbuild/protobuf';
import type { GroupHeader } from '../../../gen/lachesis/v1/group_pb.ts';
import { GroupPartSchema, RolloutSummarySchema } from '../../../gen/lachesis/v1/group_pb.ts';
import { ProvenanceSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import { LachesisError } from '../../errors.ts';
import { WIRE_LIMITS } from '../../wire/index.ts';

/**
 * Throws for a header that no answer could hold beside what is around it: its group would be taken and
 * never handed out. Names the field that takes most of it. `bytes`: its length, serialized.
 */
export function checkHeaderBytes(header: GroupHeader, bytes: number): void {
  const most = WIRE_LIMITS.maxGroupHeaderBytes;
  if (bytes <= most) return;
  const { field, what, taken, remedy } = largestField(header);
  throw new LachesisError(
    'invalid_input',
    `${field}: the header has ${bytes} bytes, ${taken} of them for ${what}; at most ${most} are allowed.`,
    { reason: 'GROUP_HEADER_TOO_LARGE', remedy, field },
  );
}

interface FieldUse {
  readonly field: string;
  readonly what: string;
  readonly taken: number;
  readonly remedy: string;
}

function largestField(header: GroupHeader): FieldUse {
  const { environment, taskKey, rollouts, parts, provenance } = header;
  const uses: readonly FieldUse[] = [
    {
      field: 'header.parts',
      what: `${parts.length} parts`,
      taken: sum(parts.map((part) => toBinary(GroupPartSchema, part).length)),
      remedy: 'Submit smaller groups, or rollouts of fewer rows.',
    },
    {
      field: 'header.rollouts',
      what: `${rollouts.length} rollouts`,
      taken: sum(rollouts.map((rollout) => toBinary(RolloutSummarySchema, rollout).length)),
      remedy: 'Submit smaller groups, or rollouts of fewer tools and turn rewards.',
    },
    text('header.environment', environment),
    text('header.task_key', taskKey),
    {
      field: 'header.provenance',
      what: 'what it came about by',
      taken: provenance === undefined ? 0 : toBinary(ProvenanceSchema, provenance).length,
      remedy: 'Shorten its texts.',
    },
    {
      field: 'header',
      what: 'fields that this server does not know',
      taken: sum((header.$unknown ?? []).map(({ data }) => data.length)),
      remedy: 'Leave out what is large, or update the server.',
    },
  ];
  return uses.reduce((most, use) => (use.taken > most.taken ? use : most));
}

function text(field: string, value: string): FieldUse {
  const taken = Buffer.byteLength(value);
  return { field, what: 'its text', taken, remedy: 'Shorten it: a digest names as well.' };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
