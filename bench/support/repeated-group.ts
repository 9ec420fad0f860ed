import { create, createFileRegistry, type DescMessage, fromJson } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/**
 * The same columns as `repeated` numbers, which is how most systems send them: ids, one logprob and
 * one mask entry per token. Built at run time, since it is no part of our contract.
 */
export function repeatedGroupSchema(): DescMessage {
  const field = (name: string, number: number, type: Type, more: object = {}) => ({
    name,
    number,
    type,
    label: Label.REPEATED,
    jsonName: name,
    ...more,
  });
  const file = create(FileDescriptorProtoSchema, {
    name: 'bench.proto',
    package: 'bench',
    syntax: 'proto3',
    messageType: [
      {
        name: 'Row',
        field: [
          field('ids', 1, Type.INT32),
          field('logprobs', 2, Type.FLOAT),
          field('mask', 3, Type.BOOL),
        ],
      },
      { name: 'Group', field: [field('rows', 1, Type.MESSAGE, { typeName: '.bench.Row' })] },
    ],
  });
  const registry = createFileRegistry(file, () => undefined);
  const schema = registry.getMessage('bench.Group');
  if (schema === undefined) throw new Error('bench.Group is missing from its own file');
  return schema;
}

export interface RepeatedRow {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly mask: readonly boolean[];
}

export function repeatedGroup(schema: DescMessage, rows: readonly RepeatedRow[]) {
  return fromJson(schema, { rows } as never);
}
