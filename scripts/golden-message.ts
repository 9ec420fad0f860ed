// Filled messages from descriptors alone: every field set, the same bytes every time.
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';

/**
 * A message with every field set, nested ones too. Of a oneof exactly one case is set: the one
 * named in `cases`, else the first. Repeated fields have two scalars or one message; maps one entry,
 * since the order of more is not canonical.
 */
export function filledMessage(
  desc: DescMessage,
  cases: ReadonlySet<DescField> = new Set(),
  parents: readonly DescMessage[] = [],
): Message {
  const message = reflect(desc);
  for (const field of desc.fields) {
    if (field.oneof !== undefined && !isChosen(field, cases)) continue;
    fillField(message, field, [...parents, desc]);
  }
  return message.message;
}

/** Optional scalars present at their zero value, and nothing else: presence must survive. */
export function zeroPresentMessage(desc: DescMessage): Message | undefined {
  const optional = desc.fields.filter(
    (field) => field.presence === 1 && field.fieldKind === 'scalar' && field.oneof === undefined,
  );
  if (optional.length === 0) return undefined;
  const message = reflect(desc);
  for (const field of optional) {
    if (field.fieldKind === 'scalar') message.set(field, zeroOf(field.scalar));
  }
  return message.message;
}

function isChosen(field: DescField, cases: ReadonlySet<DescField>): boolean {
  const named = field.oneof?.fields.find((candidate) => cases.has(candidate));
  return field === (named ?? field.oneof?.fields[0]);
}

function fillField(
  message: ReflectMessage,
  field: DescField,
  parents: readonly DescMessage[],
): void {
  switch (field.fieldKind) {
    case 'scalar':
      message.set(field, scalarValue(field, field.scalar));
      return;
    case 'enum':
      message.set(field, lastValue(field.enum));
      return;
    case 'message': {
      const nested = nestedMessage(field, field.message, parents);
      if (nested !== undefined) message.set(field, reflect(field.message, nested));
      return;
    }
    case 'list': {
      const list = message.get(field);
      if (field.listKind === 'message') {
        const nested = nestedMessage(field, field.message, parents);
        if (nested !== undefined) list.add(reflect(field.message, nested));
      } else if (field.listKind === 'enum') list.add(lastValue(field.enum));
      else {
        list.add(scalarValue(field, field.scalar));
        list.add(scalarValue(field, field.scalar, 1));
      }
      return;
    }
    case 'map': {
      if (field.mapKind !== 'scalar') throw new Error(`${field.toString()}: add this map kind`);
      const key = scalarValue(field, field.mapKey);
      if (typeof key === 'object') throw new Error(`${field.toString()}: no such map key`);
      message.get(field).set(key, scalarValue(field, field.scalar, 1));
    }
  }
}

function nestedMessage(
  field: DescField,
  desc: DescMessage,
  parents: readonly DescMessage[],
): Message | undefined {
  if (desc.typeName === TimestampSchema.typeName) {
    const seconds = BigInt(1_700_000_000 + field.number);
    return create(TimestampSchema, { seconds, nanos: 123_000_000 });
  }
  if (desc.typeName === DurationSchema.typeName) {
    return create(DurationSchema, { seconds: BigInt(field.number), nanos: 500_000_000 });
  }
  return parents.includes(desc) ? undefined : filledMessage(desc, new Set(), parents);
}

function lastValue(desc: DescEnum): number {
  return desc.values.at(-1)?.number ?? 0;
}

/** Awkward on purpose: negative and beyond 2^53, no exact binary fraction, quotes, no UTF-8. */
function scalarValue(field: DescField, scalar: ScalarType, variant = 0) {
  const number = field.number + 100 * variant;
  switch (scalar) {
    case ScalarType.BOOL:
      return true;
    case ScalarType.STRING:
      return `${field.localName} "${number}" é ✓\n`;
    case ScalarType.BYTES:
      return new Uint8Array([0xff, number, 0x80, 0, 0, 0, 0xc0, 0x3f]);
    case ScalarType.INT32:
      return number % 2 === 0 ? -number : number * 1_000_003;
    case ScalarType.INT64:
      return 2n ** 53n + BigInt(number);
    case ScalarType.DOUBLE:
      return number / 10 + 1e-7;
    default:
      throw new Error(`${field.toString()}: add the scalar ${ScalarType[scalar]}`);
  }
}

function zeroOf(scalar: ScalarType) {
  switch (scalar) {
    case ScalarType.BOOL:
      return false;
    case ScalarType.STRING:
      return '';
    case ScalarType.BYTES:
      return new Uint8Array(0);
    case ScalarType.INT64:
      return 0n;
    default:
      return 0;
  }
}
