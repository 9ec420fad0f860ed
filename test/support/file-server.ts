import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FileServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  /** What was asked for, in order. */
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[];
}

/** An HTTP server on loopback that does as a test says. */
export async function serveFiles(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  port = 0,
): Promise<FileServer> {
  const requests: FileServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: taken } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${taken}`,
    port: taken,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers with a text, or with 304 when the asker has it. */
export function textFile(text: string, etag?: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (etag !== undefined) response.setHeader('etag', etag);
    if (etag !== undefined && request.headers['if-none-match'] === etag) response.statusCode = 304;
    response.end(response.statusCode === 304 ? '' : text);
  };
}
