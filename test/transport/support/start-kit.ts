import type { Client } from '@connectrpc/connect';
import {
  createGrpcTransport,
  createRpcClient,
  type GrpcTransport,
  type GrpcTransportOptions,
  type Listener,
  type ListenerOptions,
  startListener,
} from '../../../src/transport/index.ts';
import { createProbe, kitRoutes, type Probe } from './kit-routes.ts';
import { KitService } from './kit-service.ts';

export interface StartedKit extends AsyncDisposable {
  readonly probe: Probe;
  readonly listener: Listener;
  readonly transport: GrpcTransport;
  readonly client: Client<typeof KitService>;
}

/** A listener with the test service in this process, and our client to it. */
export async function startKit(
  options: {
    readonly listener?: Partial<ListenerOptions>;
    readonly transport?: Partial<GrpcTransportOptions>;
  } = {},
): Promise<StartedKit> {
  const probe = createProbe();
  const stack = new AsyncDisposableStack();
  const listener = stack.use(
    await startListener({ routes: kitRoutes(probe), ...options.listener }),
  );
  const transport = stack.use(
    createGrpcTransport({ baseUrl: listener.address.url, retry: false, ...options.transport }),
  );
  const client = createRpcClient(KitService, transport);
  return { probe, listener, transport, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The error that a call ends with; fails when it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('the call succeeded');
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

export async function* from<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

/** Waits until `check` holds; its last answer is the assertion when it never does. */
export async function eventually(check: () => boolean, timeoutMs = 3_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`still not: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
