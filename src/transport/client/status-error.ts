import { Code, ConnectError } from '@connectrpc/connect';
import { status as GrpcStatus, type StatusObject } from '@grpc/grpc-js';
import { decodeRpcStatus } from '../rpc-status.ts';
import { headersFromMetadata } from './metadata.ts';

/** The error of a gRPC status other than OK, with its metadata and typed details (`findDetails`). */
export function errorFromStatus(status: StatusObject): ConnectError {
  const packed = status.metadata.get('grpc-status-details-bin')[0];
  const rich = packed instanceof Buffer ? tryDecode(packed) : undefined;
  const message = rich?.message || decodeReserved(status.details);
  const code = status.code in Code ? (status.code as unknown as Code) : Code.Unknown;
  const error = new ConnectError(message, code, headersFromMetadata(status.metadata));
  error.details = (rich?.details ?? []).map((detail) => ({ ...detail }));
  error.isWireError = true;
  return error;
}

/** Whether a status means success. */
export function isOk(status: StatusObject): boolean {
  return status.code === GrpcStatus.OK;
}

function tryDecode(bytes: Buffer) {
  try {
    return decodeRpcStatus(bytes);
  } catch {
    return undefined;
  }
}

/**
 * grpc-js decodes grpc-message with decodeURI, which leaves the escapes of URI's reserved
 * characters in place ("a%2Fb" for a/b).
 */
function decodeReserved(details: string): string {
  return details.replace(/%(?:3B|2F|3F|3A|40|26|3D|2B|24|2C|23)/gi, decodeURIComponent);
}
