import { type DescMessage, isMessage } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { RPCRetryPolicySchema } from './gen/client_pb.ts';

/**
 * A call that is to fail: by a code, throttled, which Modal tells with a pause in the details, or so that it was
 * done and only its answer was lost.
 */
export type PlannedFault =
  | Code
  | { readonly throttledSecs: number }
  | { readonly lostAnswer: Code };

/** What was called, what must not be, and what is to go wrong. */
export class FakeFaults {
  readonly calls: string[] = [];
  /** Calls and fields that the fake does not know: a test that finds any has found a new Modal. */
  readonly unexpected: string[] = [];
  readonly #planned = new Map<string, PlannedFault[]>();

  /** The next calls of this name fail so, one by one. */
  fail(rpc: string, ...faults: readonly PlannedFault[]): void {
    this.#planned.set(rpc, [...(this.#planned.get(rpc) ?? []), ...faults]);
  }

  count(rpc: string): number {
    return this.calls.filter((each) => each === rpc).length;
  }

  readonly interceptor: Interceptor = (next) => async (request) => {
    const rpc = request.method.name;
    this.calls.push(rpc);
    const fault = this.#planned.get(rpc)?.shift();
    if (typeof fault === 'object' && 'lostAnswer' in fault) {
      await next(request);
      throw new ConnectError(`the answer of ${rpc} was lost`, fault.lostAnswer);
    }
    if (fault !== undefined) throw faultOf(rpc, fault);
    if (!request.stream) {
      this.#assertKnown(rpc, request.message);
      return await next(request);
    }
    const messages = request.message;
    const check = (message: unknown) => this.#assertKnown(rpc, message);
    return await next({
      ...request,
      message: (async function* () {
        for await (const message of messages) {
          check(message);
          yield message;
        }
      })(),
    });
  };

  #assertKnown(rpc: string, message: unknown): void {
    const unknown = unknownFields(message, rpc);
    if (unknown.length === 0) return;
    this.unexpected.push(...unknown);
    throw new ConnectError(`unexpected fields: ${unknown.join(', ')}`, Code.InvalidArgument);
  }
}

function faultOf(rpc: string, fault: Code | { readonly throttledSecs: number }): ConnectError {
  if (typeof fault === 'number') return new ConnectError(`planned for ${rpc}`, fault);
  const value = { retryAfterSecs: fault.throttledSecs };
  return new ConnectError(`${rpc} is throttled`, Code.ResourceExhausted, undefined, [
    { desc: RPCRetryPolicySchema as DescMessage, value },
  ]);
}

function unknownFields(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each, i) => unknownFields(each, `${path}[${i}]`));
  if (!isMessage(value)) return [];
  const { $unknown = [], ...fields } = value as typeof value & Record<string, unknown>;
  return [
    ...($unknown as { readonly no: number }[]).map(({ no }) => `${path}.${no}`),
    ...Object.entries(fields).flatMap(([name, each]) => unknownFields(each, `${path}.${name}`)),
  ];
}
