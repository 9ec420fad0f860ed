import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { baselineImage, root } from '../../scripts/generate.ts';
import { goldenFixtures } from '../../scripts/golden.ts';
import { inFieldOrder } from './support/field-order.ts';

// A client of the baseline, without its generated code: the committed image is its whole schema.
const image = readFileSync(path.join(root, baselineImage));
const baseline = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const known = goldenFixtures().flatMap((fixture) => {
  const old: DescMessage | undefined = baseline.getMessage(fixture.desc.typeName);
  return old === undefined ? [] : [{ ...fixture, old }];
});

describe('a client of the baseline schema', () => {
  it('knows the messages of the contract', () => {
    expect(known.length).toBeGreaterThan(200);
  });

  it.each(known)('keeps a field of $name that it does not know', ({ desc, old, binary }) => {
    const added = new BinaryWriter()
      .tag(19_500, WireType.LengthDelimited)
      .string('from the future');
    const sent = Buffer.concat([binary, added.finish()]);
    const received = fromBinary(old, sent);
    expect(received.$unknown?.some(({ no }) => no === 19_500)).toBe(true);
    const returned = Buffer.from(inFieldOrder(desc, toBinary(old, received)));
    expect(returned.equals(inFieldOrder(desc, sent))).toBe(true);
  });

  it.each(known)('ignores what it does not know in the JSON of $name', ({ old, json }) => {
    const newer = { ...JSON.parse(json), fromTheFuture: { anything: [1] } };
    const received = fromJson(old, newer, { ignoreUnknownFields: true });
    expect(newer).toMatchObject(toJson(old, received) as object);
  });
});
