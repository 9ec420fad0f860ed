import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ErrorDetail } from './error-codes.ts';

/** `google.rpc.Status`, the content of the `grpc-status-details-bin` trailer. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** Each detail by its type name without the `type.googleapis.com/` prefix. */
  readonly details: readonly { readonly type: string; readonly value: Uint8Array }[];
}

const TYPE_URL_PREFIX = 'type.googleapis.com/';

/** Details as type name and bytes. */
export function packDetails(details: readonly ErrorDetail[]): RpcStatus['details'] {
  return details.map((detail) =>
    'desc' in detail
      ? {
          type: detail.desc.typeName,
          value: toBinary(detail.desc, create(detail.desc, detail.value)),
        }
      : detail,
  );
}

/** The protobuf bytes of a status (google/rpc/status.proto: code 1, message 2, repeated Any 3). */
export function encodeRpcStatus(status: RpcStatus): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  if (status.code !== 0) writer.tag(1, WireType.Varint).int32(status.code);
  if (status.message !== '') writer.tag(2, WireType.LengthDelimited).string(status.message);
  for (const detail of status.details) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(TYPE_URL_PREFIX + detail.type);
    writer.tag(2, WireType.LengthDelimited).bytes(detail.value);
    writer.join();
  }
  return writer.finish();
}

/** Reads a status; throws RangeError on bytes that are no protobuf. */
export function decodeRpcStatus(bytes: Uint8Array): RpcStatus {
  const reader = new BinaryReader(bytes);
  const details: { type: string; value: Uint8Array }[] = [];
  let code = 0;
  let message = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.Varint) code = reader.int32();
    else if (field === 2 && wireType === WireType.LengthDelimited) message = reader.string();
    else if (field === 3 && wireType === WireType.LengthDelimited) {
      details.push(decodeAny(reader.bytes()));
    } else reader.skip(wireType, field);
  }
  return { code, message, details };
}

function decodeAny(bytes: Uint8Array): { type: string; value: Uint8Array } {
  const reader = new BinaryReader(bytes);
  let type = '';
  let value: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.LengthDelimited) {
      const url = reader.string();
      type = url.slice(url.lastIndexOf('/') + 1);
    } else if (field === 2 && wireType === WireType.LengthDelimited) value = reader.bytes();
    else reader.skip(wireType, field);
  }
  return { type, value };
}
