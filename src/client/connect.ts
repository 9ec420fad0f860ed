import type { Interceptor } from '@connectrpc/connect';
import { SandboxService } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { LachesisError } from '../errors.ts';
import {
  type ClientTls,
  createGrpcTransport,
  type GrpcTransport,
  type GrpcTransportOptions,
  renewTokenInterceptor,
} from '../transport/index.ts';
import { BatchClient } from './batch-client.ts';
import { EnvironmentClient } from './environment-client.ts';
import { LocalToken, originOf } from './local-token.ts';
import { PolicyClient } from './policy-client.ts';
import { type ReconnectOptions, Reconnector } from './reconnect.ts';
import { RunClient } from './run-client.ts';
import { SandboxClient } from './sandbox-client.ts';
import { ServerClient } from './server-client.ts';
import { type FoundTokenFile, findTokenFiles } from './token-file.ts';
import { WorkClient } from './work-client.ts';

export interface ConnectOptions {
  /** `http://127.0.0.1:50051`. Default: the newest server of this user on this machine. */
  readonly address?: string;
  /** Default: that of the server's token file, as it is now, when the address is on this machine. */
  readonly token?: string;
  /** Which token of the file. Default: operator; `sandboxes` takes the agent's, whatever is said here. */
  readonly scope?: 'operator' | 'trainer' | 'worker' | 'agent';
  readonly tls?: ClientTls;
  /** How long to wait for the server to answer. Default: 10 s. */
  readonly connectTimeoutMs?: number;
  /**
   * What follows a server that restarted or a connection that broke. Opening a run, batches, acks,
   * commits, rewinds, policy versions, submits, watches, and of a policy its training steps and all that
   * reads it, go on by themselves, for as long as their own deadline and signal allow; `false` ends each with UNAVAILABLE instead. Default: on.
   */
  readonly reconnect?: ReconnectOptions | false;
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
  readonly sandboxes: SandboxClient;
  /** For generated Connect clients of your own. */
  readonly transport: GrpcTransport;
  readonly #bulk: GrpcTransport;
  readonly #reconnect: Reconnector;

  constructor(
    address: string,
    control: GrpcTransport,
    bulk: GrpcTransport,
    reconnect: Reconnector = new Reconnector(),
  ) {
    this.address = address;
    this.transport = control;
    this.#bulk = bulk;
    this.#reconnect = reconnect;
    this.server = new ServerClient(control);
    this.environments = new EnvironmentClient(control, reconnect);
    this.runs = new RunClient(control, reconnect);
    this.work = new WorkClient(control, bulk, reconnect);
    this.batches = new BatchClient(control, bulk, reconnect);
    this.policy = new PolicyClient(control, bulk, reconnect);
    this.sandboxes = new SandboxClient(control, bulk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reconnect[Symbol.dispose]();
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
  const { tls, connectTimeoutMs = 10_000, interceptors, signal } = options;
  const found = await findServer(options);
  const address = options.address ?? found?.address;
  if (address === undefined) {
    throw new LachesisError('not_found', 'no server of yours runs on this machine.', {
      reason: 'NO_SERVER',
      remedy: 'Start one with `lachesis serve`, or give its address.',
    });
  }
  const left = options.token === undefined ? tokensLeft(address, found, options) : undefined;
  const transportOptions: GrpcTransportOptions = {
    ...options.transport,
    baseUrl: address,
    ...(tls !== undefined && { tls }),
    token: (service) => left?.of(service) ?? options.token,
    interceptors: [
      ...(interceptors ?? []),
      // A server listens a moment before its file is written.
      ...(left === undefined ? [] : [renewTokenInterceptor(left)]),
    ],
  };
  const control = createGrpcTransport(transportOptions);
  const bulk = createGrpcTransport(transportOptions);
  const reconnect = new Reconnector(options.reconnect);
  const client = new LachesisClient(address, control, bulk, reconnect);
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

/** What the server left for its user: of each service the token that it takes. */
function tokensLeft(
  address: string,
  found: FoundTokenFile | undefined,
  { scope = 'operator', tokenDirectory: directory }: ConnectOptions,
) {
  const local = (which: typeof scope) =>
    new LocalToken({ address, scope: which, directory, token: found?.tokens[which] });
  const own = local(scope);
  const agent = local('agent');
  return {
    of: async (service: string) =>
      (service === SandboxService.typeName ? await agent.get() : undefined) ?? (await own.get()),
    renew: async () => (await Promise.all([own.renew(), agent.renew()])).some(Boolean),
  };
}

/** A token is given only to the very address that its server wrote. */
async function findServer(options: ConnectOptions): Promise<FoundTokenFile | undefined> {
  const { address, token } = options;
  if (address !== undefined && token !== undefined) return undefined;
  const files = await findTokenFiles(options.tokenDirectory);
  if (address === undefined) return files[0];
  const wanted = originOf(address);
  return files.find((file) => originOf(file.address) === wanted);
}
