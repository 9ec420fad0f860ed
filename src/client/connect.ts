import type { Interceptor } from '@connectrpc/connect';
import { LachesisError } from '../errors.ts';
import {
  type ClientTls,
  createGrpcTransport,
  type GrpcTransport,
  type GrpcTransportOptions,
} from '../transport/index.ts';
import { BatchClient } from './batch-client.ts';
import { EnvironmentClient } from './environment-client.ts';
import { FreshToken, fileOf } from './fresh-token.ts';
import { PolicyClient } from './policy-client.ts';
import { RunClient } from './run-client.ts';
import { ServerClient } from './server-client.ts';
import { type FoundTokenFile, findTokenFiles } from './token-file.ts';
import { WorkClient } from './work-client.ts';

export interface ConnectOptions {
  /** `http://127.0.0.1:50051`. Default: the newest server of this user on this machine. */
  readonly address?: string;
  /** Default: that of the server's token file, as it is now, when the address is on this machine. */
  readonly token?: string;
  /** Which token of the file. Default: operator. */
  readonly scope?: 'operator' | 'trainer' | 'worker';
  readonly tls?: ClientTls;
  /** How long to wait for the server to answer. Default: 10 s. */
  readonly connectTimeoutMs?: number;
  readonly interceptors?: readonly Interceptor[];
  /** Further options of both connections. */
  readonly transport?: Partial<Omit<GrpcTransportOptions, 'baseUrl' | 'tls' | 'token'>>;
  /** Where token files are looked for, for tests. */
  readonly tokenDirectory?: string;
  readonly signal?: AbortSignal;
}

/** A connection to a server, a client per service. Dispose of it when done; open calls are cancelled then. */
export class LachesisClient implements AsyncDisposable {
  readonly address: string;
  readonly server: ServerClient;
  readonly environments: EnvironmentClient;
  readonly runs: RunClient;
  readonly work: WorkClient;
  readonly batches: BatchClient;
  readonly policy: PolicyClient;
  /** For generated Connect clients of your own. */
  readonly transport: GrpcTransport;
  readonly #bulk: GrpcTransport;

  constructor(address: string, control: GrpcTransport, bulk: GrpcTransport) {
    this.address = address;
    this.transport = control;
    this.#bulk = bulk;
    this.server = new ServerClient(control);
    this.environments = new EnvironmentClient(control);
    this.runs = new RunClient(control);
    this.work = new WorkClient(control, bulk);
    this.batches = new BatchClient(control, bulk);
    this.policy = new PolicyClient(control, bulk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport[Symbol.asyncDispose]();
    await this.#bulk[Symbol.asyncDispose]();
  }
}

/**
 * Connects to a server. Calls and bulk streams have a connection each, so that a batch does not
 * delay a heartbeat. Rejects with `not_found` when no server is named and none runs here, and with
 * a ConnectError UNAVAILABLE when it does not answer in time.
 */
export async function connect(options: ConnectOptions = {}): Promise<LachesisClient> {
  const { scope = 'operator', tls, connectTimeoutMs = 10_000, interceptors, signal } = options;
  const found = await findServer(options);
  const address = options.address ?? found?.address;
  if (address === undefined) {
    throw new LachesisError('not_found', 'no server of yours runs on this machine.', {
      reason: 'NO_SERVER',
      remedy: 'Start one with `lachesis serve`, or give its address.',
    });
  }
  const given = options.token;
  const directory = options.tokenDirectory;
  const fresh =
    given === undefined ? new FreshToken({ address, scope, found, directory }) : undefined;
  const transportOptions: GrpcTransportOptions = {
    ...options.transport,
    baseUrl: address,
    ...(tls !== undefined && { tls }),
    token: fresh === undefined ? () => given : () => fresh.get(),
    interceptors: [...(interceptors ?? []), ...(fresh === undefined ? [] : [fresh.interceptor])],
  };
  const control = createGrpcTransport(transportOptions);
  const bulk = createGrpcTransport(transportOptions);
  const client = new LachesisClient(address, control, bulk);
  try {
    await control.waitForReady({
      timeoutMs: connectTimeoutMs,
      ...(signal !== undefined && { signal }),
    });
    return client;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/** A token is given only to the very address that its server wrote. */
async function findServer(options: ConnectOptions): Promise<FoundTokenFile | undefined> {
  const { address, token } = options;
  if (address !== undefined && token !== undefined) return undefined;
  const files = await findTokenFiles(options.tokenDirectory);
  if (address === undefined) return files[0];
  return fileOf(files, address);
}
