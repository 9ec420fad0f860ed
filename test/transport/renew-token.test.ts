import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, type StreamRequest, type UnaryRequest } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { ServerService } from '../../gen/lachesis/v1/server_service_pb.ts';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import { Replayed } from '../../src/transport/client/replayed.ts';
import { renewTokenInterceptor } from '../../src/transport/index.ts';

const refused = () => new ConnectError('no', Code.Unauthenticated);

/** A server that lets calls in when the token was renewed so often; what it read of each. */
async function callStream(
  source: AsyncIterable<number>,
  options: { readonly lateBy: number; readonly reads?: number; readonly graceMs?: number },
) {
  const { lateBy, reads = 2, graceMs = 5_000 } = options;
  const seen: number[][] = [];
  let looks = 0;
  const renew = async () => {
    looks += 1;
    return looks >= lateBy;
  };
  const next = async (request: UnaryRequest | StreamRequest) => {
    const read: number[] = [];
    seen.push(read);
    const isIn = looks >= lateBy;
    for await (const message of request.message as unknown as AsyncIterable<number>) {
      read.push(message);
      if (!isIn && read.length === reads) throw refused();
    }
    return { stream: true } as never;
  };
  const interceptor = renewTokenInterceptor({ renew, graceMs, pauseMs: 1 });
  const request = {
    ...{ stream: true, message: source, method: WorkService.method.submitGroups },
    signal: new AbortController().signal,
  } as never;
  const end = await interceptor(next as never)(request).then(
    () => 'in',
    (error: unknown) => ConnectError.from(error).code,
  );
  return { end, seen };
}

async function* numbers(count: number, closed: string[] = []) {
  try {
    for (let at = 1; at <= count; at++) yield at;
  } finally {
    closed.push('closed');
  }
}

describe('a call that is refused for want of the right token', () => {
  test('is made again until there is another, and is then in', async () => {
    let looks = 0;
    const interceptor = renewTokenInterceptor({
      renew: async () => {
        looks += 1;
        return looks === 3;
      },
      pauseMs: 1,
    });
    let calls = 0;
    const next = async () => {
      calls += 1;
      if (looks < 3) throw refused();
      return 'answer' as never;
    };
    const request = {
      ...{ stream: false, method: ServerService.method.getServerInfo, message: create },
      signal: new AbortController().signal,
    } as never;
    expect(await interceptor(next)(request)).toBe('answer');
    expect(calls).toBe(4);
  });

  test('and streams is sent from its beginning, whatever was read of it before', async () => {
    const { end, seen } = await callStream(numbers(5), { lateBy: 2 });
    expect(end).toBe('in');
    expect(seen).toEqual([
      [1, 2],
      [1, 2],
      [1, 2, 3, 4, 5],
    ]);
  });

  test('is given up when none comes, or when more was sent than is kept; its source is closed', async () => {
    const closed: string[] = [];
    const late = await callStream(numbers(5, closed), { lateBy: Infinity, graceMs: 10 });
    expect(late.end).toBe(Code.Unauthenticated);
    const long = await callStream(numbers(1_000, closed), { lateBy: 1, reads: 400 });
    expect(long.end).toBe(Code.Unauthenticated);
    expect(long.seen).toHaveLength(1);
    expect(closed).toEqual(['closed', 'closed']);
  });
});

test('a message that an attempt waited for when it failed is the next one’s', async () => {
  const first = Promise.withResolvers<number>();
  async function* source() {
    yield await first.promise;
    yield 2;
  }
  const replayed = new Replayed(source());
  const early = replayed.messages().next();
  const again = replayed.messages();
  const value = again.next();
  first.resolve(1);
  expect(await early).toEqual({ done: true, value: undefined });
  replayed.settle();
  expect((await value).value).toBe(1);
  expect(await Array.fromAsync(again)).toEqual([2]);
});
