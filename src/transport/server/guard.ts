import { isIP } from 'node:net';

/** Which names a request may address and which web origins may send one. */
export interface GuardPolicy {
  readonly boundHost: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

/** The part of a request's head that is judged. */
export interface GuardedHead {
  readonly method: string;
  /** The request target as it came: path and query. */
  readonly target: string | undefined;
  /** `:authority` or `Host`. */
  readonly authority: string | undefined;
  readonly origin: string | undefined;
  /** Fetch metadata that browsers add and pages can't change. */
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
}

export type GuardVerdict =
  | {
      readonly ok: true /** Set when the request came from an allowed page. */;
      readonly origin?: string;
    }
  | { readonly ok: false; readonly reason: 'malformed' | 'forbidden'; readonly message: string };

/**
 * Judges a request's address. An authority or target that no URL can be made of is refused here,
 * since the adapter's URL construction would throw in the request listener and end the process.
 * A DNS name that was not announced is refused (a rebinding page sends one; an IP address can't
 * be rebound), and so is every request that a web page of a foreign origin makes.
 */
export function judgeHead(head: GuardedHead, policy: GuardPolicy): GuardVerdict {
  const url = parseAddress(head.authority, head.target);
  if (typeof url === 'string') return { ok: false, reason: 'malformed', message: url };
  if (!isAllowedHost(url.hostname, policy)) {
    const message = `host name ${JSON.stringify(url.hostname)} is not served here. Use an IP address or localhost, or add the name to allowedHosts.`;
    return { ok: false, reason: 'forbidden', message };
  }
  if (head.origin !== undefined) {
    if (policy.allowedOrigins.includes(head.origin)) return { ok: true, origin: head.origin };
    const message = `web pages of origin ${JSON.stringify(head.origin)} may not call this server. Add the origin to allowedOrigins if they should.`;
    return { ok: false, reason: 'forbidden', message };
  }
  // A no-cors GET from a page carries no Origin; following a link to us (navigate) is harmless.
  const crossSite = head.fetchSite === 'cross-site' || head.fetchSite === 'same-site';
  if (crossSite && !(head.method === 'GET' && head.fetchMode === 'navigate')) {
    const message = 'web pages of other sites may not call this server.';
    return { ok: false, reason: 'forbidden', message };
  }
  return { ok: true };
}

/** The URL that a request addresses, or what is wrong with it. */
function parseAddress(authority: string | undefined, target: string | undefined): URL | string {
  if (authority === undefined || authority === '') {
    return 'the request names no host. Send a Host header or :authority.';
  }
  const base = `http://${authority}`;
  if (/[\s@/?#\\]/.test(authority) || !URL.canParse(base)) {
    return `${JSON.stringify(authority.slice(0, 200))} is not a host and port.`;
  }
  if (target === undefined || !(target.startsWith('/') || target === '*')) {
    return 'the request target must be a path; this server is no proxy.';
  }
  if (!URL.canParse(target, base)) return 'the request target is not a valid path.';
  const url = new URL(target, base);
  // A target such as //other.example/x is read as a URL of that host.
  if (url.host !== new URL(base).host) return 'the request target must not name another host.';
  return url;
}

function isAllowedHost(hostname: string, policy: GuardPolicy): boolean {
  const name = hostname.replace(/\.$/, '').toLowerCase();
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (name === policy.boundHost.toLowerCase()) return true;
  return policy.allowedHosts.some((allowed) => {
    const wanted = allowed.toLowerCase();
    return wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) : name === wanted;
  });
}
