import { clone, create } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from 'vitest';
import { GroupChunkSchema, GroupHeaderSchema } from '../../gen/lachesis/v1/group_pb.ts';
import type { EncodedGroup } from '../../src/contract/index.ts';
import { GroupReceiver } from '../../src/server/group-receiver.ts';
import { chunksOf } from '../../src/wire/index.ts';
import { encodedGroup } from '../support/encoded-group.ts';

let group: EncodedGroup;
beforeAll(async () => {
  group = await encodedGroup({ id: 'a', runId: 'run' });
});

const chunk = (partIndex: number, offset: number, data: Uint8Array) =>
  create(GroupChunkSchema, { partIndex, offset: BigInt(offset), data });

function sendParts(receiver: GroupReceiver): void {
  for (const [partIndex, part] of group.parts.entries()) {
    for (const { offset, data } of chunksOf(part, 64)) {
      expect(receiver.chunk(chunk(partIndex, offset, data))).toEqual({ kind: 'more' });
    }
  }
}

describe('receiving groups', () => {
  test('frames in order give the group back, byte for byte', () => {
    const receiver = new GroupReceiver({ maxGroupBytes: 1e6 });
    for (const number of [1, 2]) {
      receiver.header(group.header);
      expect(receiver.groupNumber).toBe(number);
      sendParts(receiver);
      expect(receiver.end()).toMatchObject({ kind: 'group', group: { parts: group.parts } });
    }
  });

  test.each([
    ['a gap', () => [chunk(0, 1, new Uint8Array(1))], 'parts[0].offset'],
    ['a part that is not declared', () => [chunk(99, 0, new Uint8Array(1))], 'chunk.part_index'],
    ['too many bytes', () => [chunk(0, 0, new Uint8Array(100_000))], 'chunk.part_index'],
    ['missing bytes', () => [], 'parts[0]'],
  ])('%s refuses the group, and the next is taken', (_, chunks, field) => {
    const receiver = new GroupReceiver({ maxGroupBytes: 1e6 });
    receiver.header(group.header);
    const answers = [...chunks().map((each) => receiver.chunk(each)), receiver.end()];
    expect(answers.find(({ kind }) => kind === 'refused')).toMatchObject({ error: { field } });
    receiver.header(group.header);
    sendParts(receiver);
    expect(receiver.end().kind).toBe('group');
  });

  test('a declared size over the limit is refused before a byte is kept', () => {
    const huge = clone(GroupHeaderSchema, group.header);
    huge.parts[0]!.encodedSize = 1n << 50n;
    const receiver = new GroupReceiver({ maxGroupBytes: 1e6 });
    expect(receiver.header(huge)).toMatchObject({ error: { reason: 'GROUP_TOO_LARGE' } });
    expect(receiver.chunk(chunk(0, 0, new Uint8Array(10)))).toEqual({ kind: 'more' });
    expect(receiver.end()).toEqual({ kind: 'skipped' });
  });

  test('frames out of order end the stream', () => {
    const receiver = new GroupReceiver({ maxGroupBytes: 1e6 });
    expect(() => receiver.end()).toThrow(/without a header/);
    expect(() => receiver.chunk(chunk(0, 0, new Uint8Array(1)))).toThrow(/without a header/);
    receiver.header(group.header);
    expect(() => receiver.header(group.header)).toThrow(/before the end/);
  });
});
