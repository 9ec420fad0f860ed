import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * The same message with its fields in number order, nested ones too. Protobuf leaves the order open:
 * Go's codec writes the fields of a oneof after all others, the rest write in number order.
 */
export function inFieldOrder(desc: DescMessage, bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes);
  const records: { number: number; bytes: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const nested = nestedMessage(desc, number);
    if (nested !== undefined && wireType === WireType.LengthDelimited) {
      const content = inFieldOrder(nested, reader.bytes());
      const writer = new BinaryWriter().tag(number, wireType).bytes(content);
      records.push({ number, bytes: writer.finish() });
    } else {
      reader.skip(wireType, number);
      records.push({ number, bytes: bytes.subarray(start, reader.pos) });
    }
  }
  records.sort((a, b) => a.number - b.number);
  return Buffer.concat(records.map((record) => record.bytes));
}

function nestedMessage(desc: DescMessage, number: number): DescMessage | undefined {
  const field = desc.fields.find((candidate) => candidate.number === number);
  if (field?.fieldKind === 'message') return field.message;
  return field?.fieldKind === 'list' && field.listKind === 'message' ? field.message : undefined;
}
