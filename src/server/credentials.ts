import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { Code } from '@connectrpc/connect';
import { invalidInput, LachesisError } from '../errors.ts';
import type { Authorizer, RequestHead } from '../transport/index.ts';
import { allows, SCOPES, type Scope, scopesOf } from './scope.ts';

/** A secret and what it is good for. */
export interface Credential {
  readonly scope: Scope;
  /** Sent as `authorization: Bearer <token>`; at least 16 characters. */
  readonly token: string;
}

/** Who may call. */
export type AuthOptions =
  /** Fresh tokens at every start, in a file that only this user can read. Loopback only; the default there. */
  | { readonly kind: 'start_tokens' }
  /** Tokens that the operator keeps. */
  | { readonly kind: 'credentials'; readonly credentials: readonly Credential[] }
  /** Everyone who can connect. Loopback only, and only when asked for (`--no-auth`). */
  | { readonly kind: 'none' };

/** Who called, as handlers find it under `requestContextKey`. */
export interface Caller {
  readonly scope: Scope;
  /** The same for every call with one credential, and told to nobody. */
  readonly id: string;
}

/** Whether an address takes connections from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === 'localhost' || name === '::1' || name === '::ffff:127.0.0.1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/** Throws unless the server may be bound to `host` with these credentials; the message says the fix. */
export function assertBindable(
  host: string,
  auth: AuthOptions,
  options: { readonly mutualTls: boolean },
): void {
  if (auth.kind === 'credentials') {
    for (const [index, { token }] of auth.credentials.entries()) {
      if (token.length >= 16) continue;
      throw invalidInput(`auth.credentials[${index}].token`, 'is shorter than 16 characters.', {
        remedy: 'Make one with: openssl rand -base64 32',
      });
    }
  }
  if (isLoopback(host) || options.mutualTls) return;
  if (auth.kind === 'credentials' && auth.credentials.length > 0) return;
  throw new LachesisError(
    'failed_precondition',
    `refusing to serve on ${host} without credentials: others can reach this address.`,
    {
      reason: 'CREDENTIALS_REQUIRED',
      remedy:
        'Configure tokens (auth: { kind: "credentials", ... }, or --credentials <file>), or client certificates (tls.clientCa), or bind to 127.0.0.1.',
    },
  );
}

export interface AuthorizerOptions {
  /** Undefined: no credential is asked for. */
  readonly credentials: readonly Credential[] | undefined;
  /** Scopes of plain HTTP paths by prefix; a path in none of them takes any credential. */
  readonly httpScopes?: Readonly<Record<string, readonly Scope[]>>;
}

/** Decides on a request from its head alone: first who calls, then whether the plane is theirs. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { credentials } = options;
  if (credentials === undefined) {
    return () => ({ ok: true, context: { scope: 'operator', id: '' } satisfies Caller });
  }
  const known = credentials.map(({ scope, token }) => ({ scope, hash: sha256(token) }));
  return (head) => {
    const scopes = scopesOf(head.path) ?? httpScopesOf(head.path, options.httpScopes);
    if (scopes === 'public') return { ok: true };
    const scope = scopeOfBearer(head, known) ?? scopeOfCertificate(head);
    if (scope === undefined) {
      const given = head.headers.authorization !== undefined;
      return {
        ok: false,
        code: Code.Unauthenticated,
        message: given
          ? 'the bearer token is not one of this server.'
          : 'this server wants a credential.',
        remedy: given
          ? 'It may be of an earlier start: connect again, or read the token file anew.'
          : 'Send "authorization: Bearer <token>"; on this machine, connect() finds one by itself.',
      };
    }
    const allowed =
      scopesOf(head.path) === undefined ? scopes.includes(scope) : allows(scope, head.path);
    if (allowed) return { ok: true, context: { scope, id: callerIdOf(head) } satisfies Caller };
    return {
      ok: false,
      code: Code.PermissionDenied,
      message: `a credential of scope ${scope} may not call ${head.path.slice(0, 200)}.`,
      remedy: `It takes one of scope ${scopes.join(' or ')}.`,
    };
  };
}

/** By what it was known: its token, or its certificate. */
function callerIdOf({ headers, peerCertificate }: RequestHead): string {
  const by = headers.authorization ?? peerCertificate?.fingerprint256 ?? '';
  return sha256(by.replace(/^bearer +/i, '').trim()).toString('hex');
}

/** Every token is compared, in constant time, whether or not an earlier one fits. */
function scopeOfBearer(
  head: RequestHead,
  known: readonly { readonly scope: Scope; readonly hash: Buffer }[],
): Scope | undefined {
  const match = /^bearer +(\S+) *$/i.exec(head.headers.authorization ?? '');
  if (match?.[1] === undefined) return undefined;
  const given = sha256(match[1]);
  let scope: Scope | undefined;
  for (const candidate of known) {
    if (timingSafeEqual(candidate.hash, given)) scope = candidate.scope;
  }
  return scope;
}

/** With mutual TLS, the scope is the certificate's OU (or CN) `lachesis:<scope>`. */
function scopeOfCertificate(head: RequestHead): Scope | undefined {
  const subject = head.peerCertificate?.subject;
  if (subject === undefined) return undefined;
  const names = [subject.OU, subject.CN].flat();
  return SCOPES.find((scope) => names.includes(`lachesis:${scope}`));
}

function httpScopesOf(
  path: string,
  byPrefix: Readonly<Record<string, readonly Scope[]>> = {},
): readonly Scope[] {
  let found: string | undefined;
  for (const prefix of Object.keys(byPrefix)) {
    const fits = path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
    if (fits && prefix.length > (found?.length ?? -1)) found = prefix;
  }
  return found === undefined ? SCOPES : (byPrefix[found] ?? SCOPES);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
