import { afterAll, describe, expect, it } from 'vitest';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { RunService } from '../../gen/lachesis/v1/run_service_pb.ts';
import { bufCurlClient } from './clients/buf-curl.ts';
import { columns, skipNote } from './clients/columns.ts';
import { connectHttp1Client, ownClient } from './clients/connect-transport.ts';
import type { CallOutcome, ClientColumn } from './clients/contract-client.ts';
import { startServerProcess } from './support/server-process.ts';

// One server dies under the streams of all clients at once.
const able = columns.filter(({ skipped }) => skipped === undefined);
const server = await startServerProcess();
afterAll(() => server[Symbol.asyncDispose]());

const setUp = await ownClient.connect(server.target);
await setUp.call(RunService.method.openRun, [{ runId: 'r', settings: { batchRows: 1 } }]);
const streams = await Promise.all(able.map(watch));
const killedAt = performance.now();
server.kill();
const ends = new Map(
  await Promise.all(streams.map(async ({ column, ended }) => [column, await ended()] as const)),
);
await setUp[Symbol.asyncDispose]();

async function watch(column: ClientColumn) {
  const client = await column.connect(server.target);
  const first = Promise.withResolvers<void>();
  const call = client.call(BatchService.method.watchPolicyVersion, [{ runId: 'r' }], {
    onResponse: () => first.resolve(),
    timeoutMs: 15_000,
  });
  await Promise.race([first.promise, call]);
  const ended = async (): Promise<CallOutcome & { readonly ms: number }> => {
    const outcome = await call;
    const ms = performance.now() - killedAt;
    await client[Symbol.asyncDispose]();
    return { ...outcome, ms };
  };
  return { column, ended };
}

/** What else foreign clients call a connection that was cut; gRPC says UNAVAILABLE. */
const ownCodes = new Map<ClientColumn, string>([
  [connectHttp1Client, 'aborted'],
  [bufCurlClient, 'internal'],
]);

describe('a server killed mid-stream', () => {
  for (const column of columns) {
    const name = `${column.name}: the stream ends with an error at once${skipNote(column)}`;
    it.skipIf(column.skipped !== undefined)(name, () => {
      const end = ends.get(column);
      expect(end?.responses).toHaveLength(1);
      expect(end?.code).toBe(ownCodes.get(column) ?? 'unavailable');
      expect(end?.ms).toBeLessThan(3_000);
    });
  }
});
