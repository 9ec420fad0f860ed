import { clone, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type GroupHeader, GroupHeaderSchema } from '../../../gen/lachesis/v1/group_pb.ts';
import { toStoredGroup } from '../../../src/contract/index.ts';
import { WIRE_LIMITS } from '../../../src/wire/index.ts';
import { encodedGroup } from '../../support/encoded-group.ts';

const MOST = WIRE_LIMITS.maxGroupHeaderBytes;
const { header, parts } = await encodedGroup({ id: 'g', runId: 'r' });
const store = (changed: GroupHeader) =>
  toStoredGroup(changed, toBinary(GroupHeaderSchema, changed), parts);

test.each<{ field: string; enlarge: (header: GroupHeader) => void }>([
  {
    field: 'header.parts',
    enlarge: ({ parts }) => {
      const [part] = parts;
      while (parts.length < 100_000) parts.push(part!);
    },
  },
  {
    field: 'header.rollouts',
    enlarge: ({ rollouts }) => {
      const toolName = 'x'.repeat(MOST);
      rollouts[0]!.toolCalls!.tools = [
        { $typeName: 'lachesis.v1.ToolStatistics', toolName, calls: 1, errors: 0 },
      ];
    },
  },
  {
    field: 'header.environment',
    enlarge: (header) => {
      header.environment = 'ä'.repeat(MOST / 2);
    },
  },
  {
    field: 'header.task_key',
    enlarge: (header) => {
      header.taskKey = 'x'.repeat(MOST);
    },
  },
  {
    field: 'header.provenance',
    enlarge: ({ provenance }) => {
      provenance!.model = 'x'.repeat(MOST);
    },
  },
  {
    field: 'header',
    enlarge: (header) => {
      const data = new Uint8Array(MOST);
      header.$unknown = [{ no: 19_500, wireType: 2, data }];
    },
  },
])(
  'a header that is too large is refused by what is largest in it: $field',
  ({ field, enlarge }) => {
    const large = clone(GroupHeaderSchema, header);
    enlarge(large);
    expect(() => store(large)).toThrow(
      expect.objectContaining({
        kind: 'invalid_input',
        reason: 'GROUP_HEADER_TOO_LARGE',
        field,
        message: expect.stringContaining(`at most ${MOST} are allowed`),
      }),
    );
  },
);

test('a header of just the largest size is stored', () => {
  const large = clone(GroupHeaderSchema, header);
  const ofKey = (length: number): number => {
    large.taskKey = 'x'.repeat(length);
    return toBinary(GroupHeaderSchema, large).length;
  };
  const room = MOST - ofKey(MOST) + MOST;
  expect(ofKey(room)).toBe(MOST);
  expect(store(large).taskKey).toHaveLength(room);
  large.taskKey += 'x';
  expect(() => store(large)).toThrow('header.task_key');
});
