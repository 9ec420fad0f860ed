import type { IncomingHttpHeaders } from 'node:http';
import type { PeerCertificate } from 'node:tls';
import { type Code, type ContextKey, createContextKey } from '@connectrpc/connect';
import { startDeadline, untilAborted } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';

/** All that is known of a request before its body: enough to authenticate, and to check a scope by service. */
export interface RequestHead {
  /** Without its query: `/lachesis.v1.RunService/OpenRun`. */
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The verified client certificate, with mutual TLS. */
  readonly peerCertificate?: PeerCertificate;
  readonly remoteAddress: string | undefined;
}

export type Authorization =
  /** `context` reaches handlers as `caller` of `requestContextKey`. */
  | { readonly ok: true; readonly context?: unknown }
  | {
      readonly ok: false;
      /** `Code.Unauthenticated` or `Code.PermissionDenied`, as a rule. */
      readonly code: Code;
      readonly message: string;
      /** What the caller can do about it; follows the message. */
      readonly remedy?: string;
    };

/** Decides on a request from its head alone. What it throws is logged and answered INTERNAL. */
export type Authorizer = (request: RequestHead) => Authorization | Promise<Authorization>;

/** What the listener knows of an accepted request; handlers read it from their context values. */
export interface RequestContext {
  /** The `context` that `authorize` gave, undefined without one. */
  readonly caller: unknown;
  readonly head: RequestHead;
}

/** Where handlers find the `RequestContext`: `context.values.get(requestContextKey)`. */
export const requestContextKey: ContextKey<RequestContext | undefined> = createContextKey<
  RequestContext | undefined
>(undefined, { description: 'lachesis request context' });

/** Asks, but no longer than `timeoutMs`: a stuck credential store may not hold requests for ever. */
export async function askAuthorizer(
  authorize: Authorizer | undefined,
  head: RequestHead,
  timeoutMs: number,
): Promise<Authorization> {
  if (authorize === undefined) return { ok: true };
  const answer = authorize(head);
  if (!(answer instanceof Promise)) return answer;
  using deadline = startDeadline({
    timeoutMs,
    reason: () =>
      new LachesisError('infrastructure_error', `authorization took longer than ${timeoutMs} ms.`, {
        reason: 'AUTHORIZE_TIMEOUT',
        remedy: 'Try again; if it persists, check the credential store.',
      }),
  });
  return await untilAborted(answer, { signal: deadline.signal });
}
