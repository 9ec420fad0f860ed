import { errorMessage, LachesisError } from '../../errors.ts';
import { type NodeRequest, type NodeResponse, startListener } from '../../transport/index.ts';
import { refusalAnswer, sendAnswer } from './answers.ts';
import { BatchDesk } from './batch-desk.ts';
import { CurrentRun } from './current-run.ts';
import { EarlyRun } from './early-run.ts';
import {
  disconnectEnvironmentRoute,
  environmentStatusRoute,
  registerEnvironmentRoute,
} from './environment-routes.ts';
import {
  type AtroposConfig,
  type AtroposOptions,
  resolveAtroposOptions,
} from './gateway-options.ts';
import { GroupWork, type PushedBody } from './group-work.ts';
import { scoredDataListRoute, scoredDataRoute } from './push-routes.ts';
import { Pushes } from './pushes.ts';
import type { PushShape } from './read-push.ts';
import { type Body, BodyBudget, parseBody, readBody } from './request-body.ts';
import type { GatewayState, Outcome, Route } from './route.ts';
import { Session } from './session.ts';
import { type SavedSession, SessionFile } from './session-file.ts';
import {
  batchRoute,
  infoRoute,
  latestExampleRoute,
  registerRoute,
  resetRoute,
  rootRoute,
  statusRoute,
  wandbInfoRoute,
} from './trainer-routes.ts';
import { Readers } from './until-read.ts';

/** A gateway that serves. */
export interface AtroposGateway extends AsyncDisposable {
  /** `http://127.0.0.1:8000`: the `rollout_server_url` of environments, the `atropos_url` of trainers. */
  readonly address: string;
  readonly port: number;
  /** Takes nothing new and lets what runs finish for `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** What anyone says that pushes no groups. */
const MAX_WORDS_BYTES = 1_048_576;

/** Atropos' trajectory API, route for route. */
export const ATROPOS_ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> =
  Object.freeze({
    '/': { GET: rootRoute },
    '/register': { POST: registerRoute },
    '/register-env': { POST: registerEnvironmentRoute },
    '/disconnect-env': { POST: disconnectEnvironmentRoute },
    '/wandb_info': { GET: wandbInfoRoute },
    '/info': { GET: infoRoute },
    '/batch': { GET: batchRoute },
    '/latest_example': { GET: latestExampleRoute },
    '/scored_data': { POST: scoredDataRoute },
    '/scored_data_list': { POST: scoredDataListRoute },
    '/status': { GET: statusRoute },
    '/status-env': { GET: environmentStatusRoute, POST: environmentStatusRoute },
    '/reset_data': { GET: resetRoute },
  });

/** Starts a gateway on loopback; resolves when it serves. The broker stays the caller's. */
export async function startAtroposGateway(options: AtroposOptions): Promise<AtroposGateway> {
  const config = resolveAtroposOptions(options);
  const file = new SessionFile(config.sessionFile, config.logger);
  const requests = new Requests(config, file, await file.load());
  const listener = await startListener({
    routes: () => {},
    port: config.port,
    fallbacks: { '/': { handle: (request, response) => requests.handle(request, response) } },
    logger: config.logger,
  });
  const drain = async (graceMs: number): Promise<void> => {
    // What waits for room would use the grace up; its environment sends it again.
    requests.stopWaiting();
    await listener.drain(graceMs);
    await requests[Symbol.asyncDispose]();
  };
  return {
    address: listener.address.url,
    port: listener.address.port,
    drain,
    [Symbol.asyncDispose]: () => drain(0),
  };
}

class Requests implements AsyncDisposable {
  readonly #config: AtroposConfig;
  readonly #state: GatewayState;
  readonly #budget: BodyBudget;
  readonly #readers: Readers;
  readonly #closing = new AbortController();

  constructor(config: AtroposConfig, file: SessionFile, saved: SavedSession | undefined) {
    const { broker, runId, limits, logger, clock } = config;
    this.#config = config;
    this.#budget = new BodyBudget(limits.maxBufferedBytes);
    this.#readers = new Readers(limits.quietMs);
    this.#state = {
      config,
      run: new CurrentRun(broker, runId),
      work: new GroupWork(limits),
      desk: new BatchDesk(broker, logger, limits.maxBatchesInWriting),
      early: new EarlyRun(broker, runId, limits.maxEarlySequences),
      pushes: new Pushes(clock),
      file,
      saved,
      session: new Session(config),
    };
  }

  stopWaiting(): void {
    this.#closing.abort(
      new LachesisError('infrastructure_error', 'The gateway shuts down.', {
        reason: 'SHUTTING_DOWN',
        retryAfterMs: 1_000,
      }),
    );
  }

  /** Ends its threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#state.work[Symbol.asyncDispose]();
  }

  async handle(request: NodeRequest, response: NodeResponse): Promise<void> {
    await this.#readers.heard(request);
    const url = new URL(request.url ?? '/', 'http://atropos');
    const byMethod = Object.hasOwn(ATROPOS_ROUTES, url.pathname)
      ? ATROPOS_ROUTES[url.pathname]
      : undefined;
    const route = byMethod?.[request.method ?? ''];
    if (byMethod === undefined || route === undefined || isFromAnotherSite(request)) {
      refuseHead(response, byMethod, route);
      return;
    }
    using share = this.#budget.open();
    using ending = endingOf(response, this.#closing.signal);
    const outcome = await this.#run(route, request, url.searchParams, share, ending.signal);
    await this.#send(request, response, outcome);
  }

  async #run(
    route: Route,
    request: NodeRequest,
    query: URLSearchParams,
    budget: { add(bytes: number): void },
    signal: AbortSignal,
  ): Promise<Outcome> {
    const state = this.#state;
    const { limits } = this.#config;
    const bytes = (most: number): Promise<Uint8Array | undefined> =>
      readBody(request, { maxBodyBytes: Math.min(most, limits.maxBodyBytes), budget });
    try {
      return await route({
        ...state,
        state,
        query,
        body: async (): Promise<Body> => parseBody(await bytes(MAX_WORDS_BYTES)),
        optionalBody: async (): Promise<Body | undefined> => {
          const found = await bytes(MAX_WORDS_BYTES);
          return found === undefined ? undefined : parseBody(found);
        },
        pushed: async (shape: PushShape): Promise<PushedBody> =>
          state.work.read(await bytes(Infinity), shape, limits, signal),
        signal,
      });
    } catch (error) {
      const answer = refusalAnswer(error);
      if ('status' in answer && answer.status === 500) {
        this.#config.logger.error('request failed', { path: request.url, error });
      }
      return { answer };
    }
  }

  async #send(request: NodeRequest, response: NodeResponse, outcome: Outcome): Promise<void> {
    const { answer } = outcome;
    try {
      if ('retryAfterMs' in answer && typeof answer.retryAfterMs === 'number') {
        response.setHeader('retry-after', String(Math.ceil(answer.retryAfterMs / 1_000)));
      }
      await sendAnswer(request, response, answer, { stallMs: this.#config.limits.writeStallMs });
    } catch (error) {
      this.#config.logger.info('an answer was not read', {
        path: request.url,
        error: errorMessage(error),
      });
      response.destroy();
      await outcome.lost?.();
      return;
    }
    const { written, lost } = outcome;
    if (written === undefined) return;
    await this.#readers.untilRead(request, async (isRead) => {
      await (isRead ? written() : lost?.());
    });
  }
}

/** A page that a browser shows may not take a batch or reset a run, by a link either. */
function isFromAnotherSite(request: NodeRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  return site === 'cross-site' || site === 'same-site';
}

function refuseHead(
  response: NodeResponse,
  byMethod: Readonly<Record<string, Route>> | undefined,
  route: Route | undefined,
): void {
  const [status, detail] =
    byMethod === undefined
      ? ([404, 'Not Found'] as const)
      : route === undefined
        ? ([405, 'Method Not Allowed'] as const)
        : ([403, 'web pages of other sites may not call this server.'] as const);
  const allow = status === 405 ? { allow: Object.keys(byMethod ?? {}).join(', ') } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...allow });
  response.end(JSON.stringify({ detail }));
}

/** A signal that fires when the client goes away before its answer is complete, and when the gateway closes. */
function endingOf(
  response: NodeResponse,
  closing: AbortSignal,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onGone = (): void => {
    if (response.writableFinished) return;
    const gone = new LachesisError('cancelled', 'The client went away.', { reason: 'CLIENT_GONE' });
    controller.abort(gone);
  };
  const onClosing = (): void => controller.abort(closing.reason);
  response.on('close', onGone);
  if (closing.aborted) onClosing();
  else closing.addEventListener('abort', onClosing);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      response.off('close', onGone);
      closing.removeEventListener('abort', onClosing);
    },
  };
}
