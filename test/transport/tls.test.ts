import * as https from 'node:https';
import * as net from 'node:net';
import { Code } from '@connectrpc/connect';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createGrpcTransport,
  createRpcClient,
  type ListenerTls,
  requestContextKey,
} from '../../src/transport/index.ts';
import { makeCertificates } from './support/certificates.ts';
import { KitService } from './support/kit-service.ts';
import { failureOf, startKit } from './support/start-kit.ts';

const certificates = makeCertificates();
afterAll(() => certificates?.[Symbol.dispose]());

describe.skipIf(certificates === undefined)('tls', () => {
  const { ca, server, client, stranger } = certificates!;

  const start = (tls: Partial<ListenerTls>, own?: { cert: string; key: string }) =>
    startKit({
      listener: { tls: { ...server, ...tls } },
      transport: { tls: { ca, ...own } },
    });

  it('serves gRPC and HTTP/1.1 on one port', async () => {
    await using kit = await start({});
    expect(kit.listener.address.url).toMatch(/^https:/);
    expect((await kit.client.echo({ text: 'sealed' })).text).toBe('sealed');
    expect(await post(kit.listener.address.port, { ca })).toEqual({
      status: 200,
      body: '{"text":"h1"}',
    });
  });
  it('is refused by a client that does not know the authority', async () => {
    await using kit = await startKit({ listener: { tls: server }, transport: { tls: {} } });
    expect(await failureOf(kit.client.echo({}))).toMatchObject({ code: Code.Unavailable });
  });
  it('mutual: shows the client certificate to authorize and to handlers, on both versions', async () => {
    const names: unknown[] = [];
    await using kit = await startKit({
      listener: {
        tls: { ...server, clientCa: ca },
        authorize: ({ peerCertificate }) => {
          names.push(peerCertificate?.subject.CN);
          return { ok: true, context: peerCertificate?.subject.CN };
        },
        interceptors: [
          (next) => async (request) => {
            const context = request.contextValues.get(requestContextKey);
            names.push(context?.caller);
            return await next(request);
          },
        ],
      },
      transport: { tls: { ca, ...client } },
    });
    await kit.client.echo({});
    expect((await post(kit.listener.address.port, { ca, ...client })).status).toBe(200);
    expect(names).toEqual(['trainer-7', 'trainer-7', 'trainer-7', 'trainer-7']);
  });
  it('mutual: refuses a client without a certificate, and one of another authority', async () => {
    await using kit = await start({ clientCa: ca });
    expect(await failureOf(kit.client.echo({}))).toMatchObject({ code: Code.Unavailable });
    const baseUrl = kit.listener.address.url;
    const tls = { ca, ...stranger };
    await using transport = createGrpcTransport({ baseUrl, tls, retry: false });
    const call = createRpcClient(KitService, transport).echo({});
    expect(await failureOf(call)).toMatchObject({ code: Code.Unavailable });
    expect(kit.probe.calls).toBe(0);
  });
  it('mutual and optional: takes a client without one, and says so to authorize', async () => {
    const seen: boolean[] = [];
    await using kit = await startKit({
      listener: {
        tls: { ...server, clientCa: ca, requireClientCertificate: false },
        authorize: ({ peerCertificate }) => {
          seen.push(peerCertificate !== undefined);
          return { ok: true };
        },
      },
      transport: { tls: { ca } },
    });
    await kit.client.echo({});
    expect(seen).toEqual([false]);
  });
  it('drops a peer that never shakes hands', async () => {
    await using kit = await startKit({
      listener: { tls: server, timeouts: { handshakeMs: 200 } },
      transport: { tls: { ca } },
    });
    const socket = net.connect(kit.listener.address.port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await kit.client.echo({ text: 'still' })).text).toBe('still');
  });
  it('drains like cleartext', async () => {
    await using kit = await start({});
    await kit.client.echo({});
    await post(kit.listener.address.port, { ca });
    await kit.listener.drain(1_000);
    expect(kit.listener.stats().connections).toBe(0);
  });
});

function post(
  port: number,
  tls: { ca: string; cert?: string; key?: string },
): Promise<{ status: number | undefined; body: string }> {
  const path = '/lachesis.kit.v1.KitService/Echo';
  const headers = { 'content-type': 'application/json' };
  const options = { host: 'localhost', family: 4, port, path, method: 'POST', headers, ...tls };
  return new Promise((resolve, reject) => {
    const request = https.request({ ...options, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
    request.end('{"text":"h1"}');
  });
}
