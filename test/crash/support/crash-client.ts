import { connect, LachesisClient } from '../../../src/client/index.ts';
import { createGrpcTransport } from '../../../src/transport/index.ts';

export const RUN = 'run';
/** A batch, in rows; groups have 1 to 5. */
export const BATCH_ROWS = 12;

const RECONNECT = { reconnectInitialMs: 20, reconnectMaxMs: 100 };

/** A client of a server that may be away. */
export function crashClient(port: number): LachesisClient {
  const options = { baseUrl: `http://127.0.0.1:${port}`, ...RECONNECT };
  const transport = () => createGrpcTransport({ ...options, unaryTimeoutMs: 5_000, retry: false });
  return new LachesisClient(options.baseUrl, transport(), transport());
}

/** As {@link crashClient}, once the server answers. */
export function connectWhenUp(port: number): Promise<LachesisClient> {
  const address = `http://127.0.0.1:${port}`;
  return connect({ address, token: '', transport: RECONNECT, connectTimeoutMs: 30_000 });
}

export async function openCrashRun(client: LachesisClient): Promise<void> {
  const batchSize = { kind: 'rows', rows: BATCH_ROWS } as const;
  await client.runs.open(RUN, { batchSize, maxWaitingGroups: 48 });
}
