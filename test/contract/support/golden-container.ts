// One message that holds every fixture, so that `buf convert` takes three processes instead of 700.
import { create, type DescFile, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import type { GoldenFixture } from '../../../scripts/golden.ts';

export const containerType = 'lachesis.golden.Container';

/** Schema of the container: field n holds fixture n - 1, under the JSON name `fixture<n>`. */
export function containerImage(fixtures: readonly GoldenFixture[]): Uint8Array {
  const set: FileDescriptorSet = create(FileDescriptorSetSchema);
  const add = (file: DescFile) => {
    if (set.file.some((known) => known.name === file.proto.name)) return;
    for (const dependency of file.dependencies) add(dependency);
    set.file.push(file.proto);
  };
  for (const { desc } of fixtures) add(desc.file);
  const dependency = set.file.map((file) => file.name);
  const field = fixtures.map(({ desc }, index) =>
    create(FieldDescriptorProtoSchema, {
      name: `fixture${index + 1}`,
      jsonName: `fixture${index + 1}`,
      number: index + 1,
      label: FieldDescriptorProto_Label.OPTIONAL,
      type: FieldDescriptorProto_Type.MESSAGE,
      typeName: `.${desc.typeName}`,
    }),
  );
  const [package_, name] = splitType(containerType);
  set.file.push(
    create(FileDescriptorProtoSchema, {
      name: 'lachesis/golden/container.proto',
      package: package_,
      syntax: 'proto3',
      dependency,
      messageType: [create(DescriptorProtoSchema, { name, field })],
    }),
  );
  return toBinary(FileDescriptorSetSchema, set);
}

/** All fixtures as one binary container. */
export function packBinary(fixtures: readonly GoldenFixture[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [index, { binary }] of fixtures.entries()) {
    writer.tag(index + 1, WireType.LengthDelimited).bytes(binary);
  }
  return writer.finish();
}

/** All fixtures as one JSON container. */
export function packJson(fixtures: readonly GoldenFixture[]): string {
  const entries = fixtures.map(({ json }, index) => `"fixture${index + 1}":${json}`);
  return `{${entries.join(',')}}`;
}

/** The fixtures' bytes, by index, out of a binary container. */
export function unpackBinary(container: Uint8Array): Map<number, Uint8Array> {
  const reader = new BinaryReader(container);
  const fixtures = new Map<number, Uint8Array>();
  while (reader.pos < reader.len) {
    const [number] = reader.tag();
    fixtures.set(number - 1, reader.bytes());
  }
  return fixtures;
}

function splitType(type: string): [string, string] {
  const dot = type.lastIndexOf('.');
  return [type.slice(0, dot), type.slice(dot + 1)];
}
