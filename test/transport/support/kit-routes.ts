import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { LachesisError } from '../../../src/errors.ts';
import { KitService } from './kit-service.ts';

/** What handlers saw, for assertions. */
export interface Probe {
  calls: number;
  produced: number;
  received: number;
  /** The reason with which each stopped stream or wait was aborted. */
  readonly aborts: unknown[];
  /** Streams whose generator ran its `finally`. */
  finished: number;
}

export function createProbe(): Probe {
  return { calls: 0, produced: 0, received: 0, aborts: [], finished: 0 };
}

/** The routes of the test service. */
export function kitRoutes(probe: Probe = createProbe()): (router: ConnectRouter) => void {
  return (router) => {
    router.service(KitService, {
      echo: (request) => {
        probe.calls += 1;
        return request;
      },
      get: (request) => {
        probe.calls += 1;
        return request;
      },
      fail: (request) => {
        probe.calls += 1;
        throw failure(request.text);
      },
      wait: async (request, context) => {
        probe.calls += 1;
        await pause(request.delayMs, request.text === 'deaf' ? undefined : context.signal, probe);
        return request;
      },
      async *produce(request, context) {
        probe.calls += 1;
        const data = new Uint8Array(request.size);
        try {
          for (let index = 0; request.count === 0 || index < request.count; index += 1) {
            if (request.delayMs > 0 && index > 0)
              await pause(request.delayMs, context.signal, probe);
            probe.produced += 1;
            yield { data, count: index };
          }
        } finally {
          probe.finished += 1;
        }
      },
      collect: async (requests, context) => {
        probe.calls += 1;
        let count = 0;
        let size = 0;
        for await (const request of requests) {
          count += 1;
          size += request.data.byteLength;
          probe.received += 1;
          if (request.text === 'stuck') await pause(60_000, context.signal, probe);
        }
        return { count, size };
      },
      async *chat(requests) {
        probe.calls += 1;
        try {
          for await (const request of requests) {
            probe.received += 1;
            if (request.text === 'bye') return;
            yield request;
          }
        } finally {
          probe.finished += 1;
        }
      },
    });
  };
}

function failure(text: string): unknown {
  switch (text) {
    case 'lachesis':
      return new LachesisError('failed_precondition', 'the run is closed.', {
        reason: 'RUN_CLOSED',
        remedy: 'Open a new run: 100% free/easy.',
      });
    case 'connect':
      return new ConnectError('no such thing', Code.NotFound, { 'x-hint': 'look elsewhere' });
    default:
      return new Error('the secret of the handler');
  }
}

function pause(ms: number, signal: AbortSignal | undefined, probe: Probe): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      probe.aborts.push(signal?.reason);
      const error = new Error('aborted');
      error.name = 'AbortError';
      reject(error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
