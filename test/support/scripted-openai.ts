import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the scripted server saw it. */
export interface ScriptedOpenAIRequest {
  /** 0-based, in order of arrival. */
  readonly index: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed body; undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into foreign JSON
  readonly body: any;
  /** Resolves when the client goes away before the answer is complete. */
  readonly clientGone: Promise<void>;
}

/** What to answer. The parts that are given are used in this order: `raw`, `json`, `message`. */
export interface ScriptedOpenAIReply {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Waits before the answer starts, by hand. */
  readonly after?: Promise<unknown>;
  /** A chat message as the API has it; `choices`, `usage` and the rest are put around it. */
  readonly message?: Readonly<Record<string, unknown>>;
  readonly finishReason?: string | null;
  readonly usage?: Readonly<Record<string, unknown>> | null;
  /** The whole body as JSON. */
  readonly json?: unknown;
  /** The whole body as it is. */
  readonly raw?: string;
  /**
   * Default: `end`. `cut` claims a longer body than is sent and cuts the connection after it, `stall`
   * keeps it open there, `hang` sends nothing at all.
   */
  readonly ending?: 'end' | 'cut' | 'stall' | 'hang';
}

export interface ScriptedOpenAIOptions {
  /** Answers each `POST .../chat/completions`; a throw becomes a 500. */
  readonly reply: (
    request: ScriptedOpenAIRequest,
  ) => ScriptedOpenAIReply | Promise<ScriptedOpenAIReply>;
}

/** An OpenAI-compatible chat server on a loopback port, for tests and examples. */
export interface ScriptedOpenAI extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly ScriptedOpenAIRequest[];
  close(): Promise<void>;
}

/** Starts a server whose every answer is a function of the request. */
export async function startScriptedOpenAI(options: ScriptedOpenAIOptions): Promise<ScriptedOpenAI> {
  const requests: ScriptedOpenAIRequest[] = [];
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const request: ScriptedOpenAIRequest = {
      index: requests.length,
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: parse(text),
      clientGone: new Promise((resolve) => {
        response.once('close', () => {
          if (!response.writableFinished) resolve();
        });
      }),
    };
    requests.push(request);
    if (!request.path.endsWith('/chat/completions')) {
      send(response, { status: 404, json: { error: { message: `no route ${request.path}` } } });
      return;
    }
    try {
      const reply = await options.reply(request);
      if (reply.after !== undefined) await reply.after;
      send(response, withEnvelope(reply, request));
    } catch (error) {
      send(response, { status: 500, json: { error: { message: String(error) } } });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A tool call as the API has it. */
export function scriptedToolCall(
  id: string,
  name: string,
  args: unknown,
): Readonly<Record<string, unknown>> {
  const text = typeof args === 'string' ? args : JSON.stringify(args);
  return { id, type: 'function', function: { name, arguments: text } };
}

function withEnvelope(reply: ScriptedOpenAIReply, request: ScriptedOpenAIRequest) {
  if (reply.raw !== undefined || reply.json !== undefined) return reply;
  const { message = { content: '' } } = reply;
  const calls = Array.isArray(message['tool_calls']) && message['tool_calls'].length > 0;
  const finish =
    reply.finishReason === undefined ? (calls ? 'tool_calls' : 'stop') : reply.finishReason;
  return {
    ...reply,
    json: {
      id: `chatcmpl-${request.index}`,
      object: 'chat.completion',
      created: 0,
      model: request.body?.model ?? 'scripted',
      choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
      ...(reply.usage === null
        ? {}
        : { usage: reply.usage ?? { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
    },
  };
}

function send(response: ServerResponse, reply: ScriptedOpenAIReply): void {
  if (response.destroyed || reply.ending === 'hang') return;
  const body = reply.raw ?? JSON.stringify(reply.json);
  const short = reply.ending === 'cut' || reply.ending === 'stall';
  const length = Buffer.byteLength(body) + (short ? 100 : 0);
  response.writeHead(reply.status ?? 200, {
    'content-type': 'application/json',
    'content-length': String(length),
    ...reply.headers,
  });
  if (reply.ending === 'cut') response.write(body, () => response.destroy());
  else if (short) response.write(body);
  else response.end(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
