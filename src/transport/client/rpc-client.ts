import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { linkSignal } from './link-signal.ts';

interface AnyOptions {
  readonly signal?: AbortSignal;
}
type AnyMethod = (input: unknown, options?: AnyOptions) => unknown;

/**
 * Connect's generated-style client in which leaving a response stream early (`break`, `return`)
 * cancels the call. Connect's own `createClient` drops `return`, so the server would go on
 * producing until someone aborts.
 */
export function createRpcClient<Service extends DescService>(
  service: Service,
  transport: Transport,
): Client<Service> {
  const base = createClient(service, transport) as Record<string, AnyMethod>;
  const client: Record<string, AnyMethod> = {};
  for (const method of service.methods) {
    const call = base[method.localName]!;
    client[method.localName] = streamsResponse(method) ? cancellable(call) : call;
  }
  return client as Client<Service>;
}

function streamsResponse(method: DescMethod): boolean {
  return method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
}

function cancellable(call: AnyMethod): AnyMethod {
  return (input, options) => {
    const link = linkSignal(options?.signal);
    const response = call(input, { ...options, signal: link.signal }) as AsyncIterable<unknown>;
    return link.cancelOnReturn(response);
  };
}
