import { bufCurlClient } from './buf-curl.ts';
import { connectHttp1Client, ownClient } from './connect-transport.ts';
import type { ClientColumn } from './contract-client.ts';
import { grpcJsClient } from './grpc-js.ts';
import { pythonClient } from './python.ts';

/** The columns of the behaviour table. */
export const columns: readonly ClientColumn[] = [
  ownClient,
  grpcJsClient,
  connectHttp1Client,
  pythonClient,
  bufCurlClient,
];

/** For a test's name: why a column can't run on this machine; empty when it can. */
export function skipNote({ skipped }: ClientColumn): string {
  return skipped === undefined ? '' : ` (skipped: ${skipped})`;
}
