import {
  create,
  createFileRegistry,
  type DescFile,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import {
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel as Idempotency,
  FieldDescriptorProto_Label as Label,
} from '@bufbuild/protobuf/wkt';

/** The one message of the test service; every field has the meaning that a method gives it. */
export type Payload = Message<'lachesis.kit.v1.Payload'> & {
  data: Uint8Array;
  count: number;
  size: number;
  text: string;
  delayMs: number;
};

/** A typed detail, standing in for the real `lachesis.v1.ErrorDetail`. */
export type TestDetail = Message<'lachesis.kit.v1.TestDetail'> & {
  reason: string;
  remedy: string;
};

type PayloadMessage = GenMessage<Payload>;

/** Built in code, so that transport's tests need no generated file. */
const file = buildFile();

export const PayloadSchema = file.messages[0] as PayloadMessage;
export const TestDetailSchema = file.messages[1] as GenMessage<TestDetail>;
export const KitService = file.services[0] as GenService<{
  /** Answers its input. */
  echo: { methodKind: 'unary'; input: PayloadMessage; output: PayloadMessage };
  /** The same, declared free of side effects. */
  get: { methodKind: 'unary'; input: PayloadMessage; output: PayloadMessage };
  /** Throws what `text` names. */
  fail: { methodKind: 'unary'; input: PayloadMessage; output: PayloadMessage };
  /** Answers after `delay_ms`; with text `deaf` it does not listen to its signal. */
  wait: { methodKind: 'unary'; input: PayloadMessage; output: PayloadMessage };
  /** `count` messages of `size` bytes, `delay_ms` apart; 0 for no end. */
  produce: { methodKind: 'server_streaming'; input: PayloadMessage; output: PayloadMessage };
  /** Reads all and answers how many (`count`) and how large (`size`); text `stuck` stops reading. */
  collect: { methodKind: 'client_streaming'; input: PayloadMessage; output: PayloadMessage };
  /** Echoes each message. */
  chat: { methodKind: 'bidi_streaming'; input: PayloadMessage; output: PayloadMessage };
}>;

export function payload(init: MessageInitShape<PayloadMessage>): Payload {
  return create(PayloadSchema, init);
}

function buildFile(): DescFile {
  const field = (name: string, number: number, type: FieldType) => ({
    name,
    number,
    type,
    label: Label.OPTIONAL,
    jsonName: name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase()),
  });
  const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
    name,
    inputType: '.lachesis.kit.v1.Payload',
    outputType: '.lachesis.kit.v1.Payload',
    clientStreaming,
    serverStreaming,
    ...(name === 'Get' && { options: { idempotencyLevel: Idempotency.NO_SIDE_EFFECTS } }),
  });
  const proto = create(FileDescriptorProtoSchema, {
    name: 'lachesis/kit/v1/kit.proto',
    package: 'lachesis.kit.v1',
    syntax: 'proto3',
    messageType: [
      {
        name: 'Payload',
        field: [
          field('data', 1, FieldType.BYTES),
          field('count', 2, FieldType.INT32),
          field('size', 3, FieldType.INT32),
          field('text', 4, FieldType.STRING),
          field('delay_ms', 5, FieldType.INT32),
        ],
      },
      {
        name: 'TestDetail',
        field: [field('reason', 1, FieldType.STRING), field('remedy', 2, FieldType.STRING)],
      },
    ],
    service: [
      {
        name: 'KitService',
        method: [
          method('Echo', false, false),
          method('Get', false, false),
          method('Fail', false, false),
          method('Wait', false, false),
          method('Produce', false, true),
          method('Collect', true, false),
          method('Chat', true, true),
        ],
      },
    ],
  });
  const built = createFileRegistry(proto, () => undefined).getFile(proto.name);
  if (built === undefined) throw new Error('the test descriptor does not build');
  return built;
}
