import { LachesisError } from '../../errors.ts';
import type { EmbeddedPolicy } from '../../policy/index.ts';
import type { FallbackRoute, NodeRequest, NodeResponse } from '../../transport/index.ts';
import { chatRoute } from './chat.ts';
import { completionsRoute } from './completions.ts';
import { isPausedRoute, modelsRoute, pauseRoute, resumeRoute, weightInfoRoute } from './control.ts';
import { type EngineFaults, FaultGate } from './faults.ts';
import { generateRoute } from './generate.ts';
import { openEventStream, readJson, sendError, sendJson, sendTruncated } from './http.ts';
import type { Route } from './routes.ts';
import { detokenizeRoute, tokenizeRoute } from './tokenize.ts';

export interface EngineGatewayOptions {
  readonly policy: EmbeddedPolicy;
  /** Default: none. */
  readonly faults?: EngineFaults;
  /** Default: false: callers need a credential, as everywhere (an OpenAI client sends it as its API key). */
  readonly public?: boolean;
}

const ROUTES: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly route: Route }>> =
  Object.freeze({
    '/v1/chat/completions': { method: 'POST', route: chatRoute },
    '/v1/completions': { method: 'POST', route: completionsRoute },
    '/inference/v1/generate': { method: 'POST', route: generateRoute },
    '/tokenize': { method: 'POST', route: tokenizeRoute },
    '/detokenize': { method: 'POST', route: detokenizeRoute },
    '/v1/models': { method: 'GET', route: modelsRoute },
    '/weight_info': { method: 'GET', route: weightInfoRoute },
    '/pause': { method: 'POST', route: pauseRoute },
    '/resume': { method: 'POST', route: resumeRoute },
    '/is_paused': { method: 'GET', route: isPausedRoute },
    '/version': { method: 'GET', route: async () => ({ version: 'lachesis-embedded' }) },
    '/health': { method: 'GET', route: async () => ({}) },
  });

/**
 * The embedded policy as an inference server over plain HTTP: OpenAI's chat and completions, and
 * vLLM's token endpoints. Each route is one listener fallback. With faults it stands in for the
 * servers that fail in those ways.
 */
export function engineGateway(
  options: EngineGatewayOptions,
): Readonly<Record<string, FallbackRoute>> {
  const gate = new FaultGate(options.faults);
  let requests = 0;
  const handle = async (request: NodeRequest, response: NodeResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const entry = ROUTES[url.pathname];
    using gone = abortOnClose(response);
    try {
      if (entry === undefined) {
        throw new LachesisError('not_found', `There is no ${url.pathname} here.`, {
          reason: 'NO_SUCH_ROUTE',
          remedy: `Routes: ${Object.keys(ROUTES).join(', ')}.`,
        });
      }
      if (request.method !== entry.method) {
        sendJson(response, 405, { error: { message: `Use ${entry.method}.` } });
        return;
      }
      const body = entry.method === 'POST' && hasBody(request) ? await readJson(request) : {};
      const refused = await gate.enter(gone.signal);
      if (refused !== undefined) throw refusal(refused);
      requests += 1;
      const answer = await entry.route({
        policy: options.policy,
        faults: gate.faults,
        body,
        query: url.searchParams,
        signal: gone.signal,
        requestId: `${process.pid.toString(36)}-${requests.toString(36)}`,
        created: Math.floor(Date.now() / 1000),
        stream: () => openEventStream(response, gone.signal),
      });
      if (answer === undefined || gone.signal.aborted) return;
      if (gate.faults.truncateBody === true) sendTruncated(response, answer);
      else sendJson(response, 200, answer);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  };
  const route: FallbackRoute = { handle, public: options.public ?? false };
  return Object.fromEntries(Object.keys(ROUTES).map((path) => [path, route]));
}

/** `/pause` and `/resume` are posted without one. */
function hasBody(request: NodeRequest): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined ||
    (request.headers['content-length'] ?? (request.httpVersionMajor === 2 ? '1' : '0')) !== '0'
  );
}

function refusal(status: 429 | 503): LachesisError {
  return status === 429
    ? new LachesisError('resource_exhausted', 'Too many requests.', {
        reason: 'RATE_LIMITED',
        retryAfterMs: 1_000,
      })
    : new LachesisError('infrastructure_error', 'The engine is loading.', {
        reason: 'ENGINE_UNAVAILABLE',
        retryAfterMs: 1_000,
      });
}

/** A signal that fires when the client goes away before its answer is complete. */
function abortOnClose(response: NodeResponse): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!response.writableEnded) {
      controller.abort(
        new LachesisError('cancelled', 'The client went away.', { reason: 'CLIENT_GONE' }),
      );
    }
  };
  response.on('close', onClose);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => response.off('close', onClose),
  };
}
