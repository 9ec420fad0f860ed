import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RealModel } from './llama.ts';

export interface RealServer extends AsyncDisposable {
  readonly url: string;
  readonly model: RealModel;
}

/**
 * A model on a loopback port in the shape of llama.cpp's own server, as far as our engine uses it: the
 * routes `/completion`, `/tokenize`, `/props` and `/health`.
 */
export async function startRealServer(modelFile: string): Promise<RealServer> {
  const model = await RealModel.load(modelFile);
  let calls = 0;
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    try {
      const body = text === '' ? {} : JSON.parse(text);
      const answer = await answerTo(
        `${incoming.method} ${incoming.url}`,
        { seed: ++calls, ...body },
        model,
        response,
      );
      send(
        response,
        answer === undefined ? 404 : 200,
        answer ?? { error: { message: 'no route' } },
      );
    } catch (error) {
      send(response, 500, { error: { message: String(error) } });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await model.close();
    },
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function answerTo(
  route: string,
  // biome-ignore lint/suspicious/noExplicitAny: a request's JSON
  body: any,
  model: RealModel,
  response: ServerResponse,
): Promise<unknown> {
  switch (route) {
    case 'GET /health':
      return { status: 'ok' };
    case 'GET /props':
      return {
        default_generation_settings: { n_ctx: model.contextLength },
        model_alias: 'SmolLM2-135M-Instruct',
      };
    case 'POST /tokenize':
      return { tokens: [...model.tokenizer.encode(body.content, { allowSpecial: true })] };
    case 'POST /completion': {
      const sampled = await model.sample(body.prompt, {
        maxTokens: body.n_predict,
        temperature: body.temperature,
        topK: body.top_k,
        topP: body.top_p,
        minP: 0,
        yieldEogToken: true,
        seed: body.seed,
        gone: () => response.destroyed,
      });
      const last = sampled.at(-1);
      return {
        tokens: sampled.map(({ token }) => token),
        completion_probabilities: sampled.map(({ token, probability }) => ({
          id: token,
          prob: probability,
        })),
        tokens_evaluated: body.prompt.length,
        truncated: false,
        stop_type: last !== undefined && model.isEnd(last.token) ? 'eos' : 'limit',
      };
    }
    default:
      return undefined;
  }
}
