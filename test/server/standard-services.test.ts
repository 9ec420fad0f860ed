import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/grpc/health/v1/health_pb.ts';
import {
  ServerReflection,
  type ServerReflectionRequest,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1Alpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { SandboxService } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import manifest from '../../package.json' with { type: 'json' };
import { lachesisErrorOf } from '../../src/client/index.ts';
import { createGrpcTransport, createRpcClient } from '../../src/transport/index.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';

let served: ServedForTest;
beforeAll(async () => {
  served = await serveForTest({ features: ['auto-play'] });
});
afterAll(() => served[Symbol.asyncDispose]());

describe('health', () => {
  test('needs no credential, and knows the server and its services', async () => {
    await using transport = createGrpcTransport({ baseUrl: served.server.address });
    const health = createRpcClient(Health, transport);
    for (const service of ['', 'lachesis.v1.RunService']) {
      expect(await health.check({ service })).toMatchObject({ status: Status.SERVING });
    }
    await expect(health.check({ service: 'nothing' })).rejects.toMatchObject({
      code: Code.NotFound,
    });
  });

  test('is watched through a drain', async () => {
    await using other = await serveForTest();
    const health = createRpcClient(Health, other.client.transport);
    const seen: Status[] = [];
    const unknown = health.watch({ service: 'nothing' })[Symbol.asyncIterator]();
    expect((await unknown.next()).value).toMatchObject({ status: Status.SERVICE_UNKNOWN });
    await unknown.return?.();
    const watching = (async () => {
      for await (const { status } of health.watch({ service: '' })) {
        seen.push(status);
        if (seen.length === 1) void other.server.drain(500);
        if (seen.length === 2) return;
      }
    })();
    await watching;
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
  });
});

describe('reflection', () => {
  type Query = ServerReflectionRequest['messageRequest'];
  const ask = async (service: typeof ServerReflection, query: Query) => {
    const client = createRpcClient(service, served.client.transport);
    async function* requests() {
      yield { messageRequest: query };
    }
    for await (const { messageResponse } of client.serverReflectionInfo(requests())) {
      return messageResponse;
    }
    throw new Error('no answer');
  };
  const versions = [
    ServerReflection,
    ServerReflectionV1Alpha as unknown as typeof ServerReflection,
  ];

  test.each(versions)('$typeName lists the services', async (service) => {
    const answer = await ask(service, { case: 'listServices', value: '' });
    const names =
      answer.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : [];
    expect(names).toContain('lachesis.v1.BatchService');
    expect(names).toContain('grpc.health.v1.Health');
    expect(names).not.toContain('lachesis.v1.PolicyService');
  });

  test.each(versions)('$typeName gives files that stand by themselves', async (service) => {
    for (const symbol of [
      'lachesis.v1.RunService',
      'lachesis.v1.RunService.OpenRun',
      'lachesis.v1.Row.token_ids',
    ]) {
      const answer = await ask(service, { case: 'fileContainingSymbol', value: symbol });
      if (answer.case !== 'fileDescriptorResponse') throw new Error(`no file for ${symbol}`);
      const files = answer.value.fileDescriptorProto.map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      const names = new Set(files.map(({ name }) => name));
      for (const { dependency } of files)
        for (const name of dependency) expect(names).toContain(name);
    }
  });

  test('of what is not there is an error answer, and the stream goes on', async () => {
    for (const query of [
      { case: 'fileContainingSymbol', value: 'no.Such' },
      { case: 'fileByFilename', value: 'no.proto' },
    ] as const) {
      expect(await ask(ServerReflection, query)).toMatchObject({
        case: 'errorResponse',
        value: { errorCode: Code.NotFound },
      });
    }
  });
});

describe('server info', () => {
  test('names what is served and what is not implemented, and it is so', async () => {
    const info = await served.client.server.info();
    expect(info).toMatchObject({
      version: manifest.version,
      instanceId: served.server.instanceId,
      isolation: 'in_process',
      features: ['auto-play'],
    });
    expect(info.unimplementedMethods).toEqual(
      SandboxService.methods.map(({ name }) => `${SandboxService.typeName}/${name}`),
    );
  });
});

describe('plain HTTP', () => {
  const get = (path: string, token?: string) =>
    fetch(`${served.server.address}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });

  test('/healthz is for everyone, /metrics for the operator', async () => {
    expect(await (await get('/healthz')).text()).toBe('serving\n');
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', served.server.tokens?.worker)).status).toBe(403);
    const metrics = await get('/metrics', served.server.tokens?.operator);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await metrics.text()).toContain('# TYPE lachesis_rpc_calls_total counter');
  });

  test('read-only calls can be read with a GET', async () => {
    const url = '/lachesis.v1.ServerService/GetServerInfo?encoding=json&message=%7B%7D&connect=v1';
    const response = await get(url, served.server.tokens?.operator);
    expect(await response.json()).toMatchObject({ version: manifest.version });
  });
});

test('what is not built says so, with a reason', async () => {
  await using open = await serveForTest({ auth: { kind: 'none' } });
  const sandboxes = createRpcClient(SandboxService, open.client.transport);
  const error = await sandboxes.releaseSandbox({}).catch(lachesisErrorOf);
  expect(error).toMatchObject({ kind: 'unimplemented', reason: 'NOT_BUILT' });
});
