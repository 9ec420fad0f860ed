import type { RequestContext } from './authorize.ts';
import type { NodeRequest, NodeResponse } from './node-http.ts';

/** Serves plain HTTP. What it throws is logged and answered with 500. */
export type FallbackHandler = (
  request: NodeRequest,
  response: NodeResponse,
  context: RequestContext,
) => void | Promise<void>;

export interface FallbackRoute {
  readonly handle: FallbackHandler;
  /** True: served without asking `authorize`. Default: false. */
  readonly public?: boolean;
}

/**
 * The route of the longest prefix that fits. `/v1/` fits everything below it, `/metrics` fits
 * itself and what follows a slash, never `/metricsfoo`.
 */
export function findFallback(
  fallbacks: Readonly<Record<string, FallbackRoute>>,
  path: string,
): FallbackRoute | undefined {
  let found: string | undefined;
  for (const prefix of Object.keys(fallbacks)) {
    if (!fits(prefix, path)) continue;
    if (found === undefined || prefix.length > found.length) found = prefix;
  }
  return found === undefined ? undefined : fallbacks[found];
}

function fits(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/';
}
