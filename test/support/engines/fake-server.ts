import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemsOf, type Shape } from './shape.ts';

/** What goes wrong with an answer, once. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body in place of the engine's. */
  readonly raw?: string;
  /** The body breaks off in its middle. */
  readonly cut?: boolean;
  /** Nothing is ever answered. */
  readonly hang?: boolean;
  /** The connection is closed before any answer. */
  readonly reset?: boolean;
}

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into foreign JSON
  readonly body: any;
  /** Resolves when the client goes away before its answer is complete. */
  readonly clientGone: Promise<void>;
}

export interface FakeRoute {
  /** `POST /generate`. */
  readonly route: string;
  readonly shape?: Shape;
  /** What the engine answers, each of a list; a fault is no answer of its. */
  readonly answers?: Shape;
  /** Each event of a stream. */
  readonly events?: Shape;
  /** A list is an event stream. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into foreign JSON
  readonly reply: (body: any) => unknown;
  /** Faults strike here. */
  readonly samples?: boolean;
}

export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly FakeRequest[];
  /** Of the routes that sample. */
  readonly sampled: readonly FakeRequest[];
  /** Requests that the real engine would not take, or would take for something else, and answers that it does not give. */
  readonly problems: readonly string[];
  /** Connections that were made so far. */
  connections(): number;
  /** Strikes the next request that samples. */
  fault(fault: Fault): void;
}

export class EventStream {
  readonly events: readonly unknown[];
  /** Sent, and then nothing: the stream neither goes on nor ends. */
  readonly stallsAfter: number | undefined;
  readonly breaksAfter: number | undefined;
  constructor(
    events: readonly unknown[],
    more: { readonly stallsAfter?: number; readonly breaksAfter?: number } = {},
  ) {
    this.events = events;
    this.stallsAfter = more.stallsAfter;
    this.breaksAfter = more.breaksAfter;
  }
}

/** A scripted engine on a loopback port, which holds every request against the engine's own field list. */
export async function startFakeServer(routes: readonly FakeRoute[]): Promise<FakeServer> {
  const requests: FakeRequest[] = [];
  const sampled: FakeRequest[] = [];
  const problems: string[] = [];
  const faults: Fault[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    const request: FakeRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: body === '' ? undefined : JSON.parse(body),
      clientGone: new Promise((resolve) => {
        response.once('close', () => {
          if (!response.writableFinished) resolve();
        });
      }),
    };
    requests.push(request);
    const found = routes.find(({ route }) => route === `${request.method} ${request.path}`);
    if (found === undefined) {
      send(response, 404, JSON.stringify({ detail: 'Not Found' }));
      return;
    }
    if (found.samples === true) sampled.push(request);
    const wrong = found.shape === undefined ? [] : problemsOf(request.body, found.shape);
    problems.push(...wrong.map((problem) => `${found.route}: ${problem}`));
    const fault = found.samples === true ? faults.shift() : undefined;
    if (fault?.hang === true) return;
    if (fault?.reset === true) {
      response.socket?.destroy();
      return;
    }
    const answer = found.reply(request.body);
    problems.push(...wrongAnswers(answer, found));
    if (answer instanceof EventStream && fault?.raw === undefined) {
      await stream(response, answer);
      return;
    }
    const json = fault?.raw ?? (answer === undefined ? '' : JSON.stringify(answer));
    if (fault?.cut === true) {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': json.length,
      });
      response.write(json.slice(0, json.length / 2), () => response.socket?.destroy());
      return;
    }
    send(response, fault?.status ?? 200, json, fault?.headers);
  });
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sampled,
    problems,
    connections: () => connections,
    fault: (fault) => faults.push(fault),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As JSON, which is what is sent. */
function wrongAnswers(answer: unknown, { route, answers, events }: FakeRoute): string[] {
  const [sent, shape] =
    answer instanceof EventStream
      ? [answer.events, events]
      : [Array.isArray(answer) ? answer : [answer], answers];
  if (shape === undefined) return [];
  return sent
    .flatMap((one) => problemsOf(JSON.parse(JSON.stringify(one) ?? 'null'), shape, 'answer'))
    .map((problem) => `${route}: ${problem}`);
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body);
}

async function stream(response: ServerResponse, { events, ...ends }: EventStream): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [index, event] of events.entries()) {
    if (index === ends.stallsAfter) return;
    if (index === ends.breaksAfter) {
      // What was written still arrives; the stream just ends where no stream may.
      response.socket?.end();
      return;
    }
    // In two halves, as a network may deliver them.
    const line = `data: ${JSON.stringify(event)}\n\n`;
    response.write(line.slice(0, 9));
    await new Promise((resolve) => setImmediate(resolve));
    response.write(line.slice(9));
  }
  response.end('data: [DONE]\n\n');
}
