import { create } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import {
  AcquireSandboxResponseSchema,
  type ExecCommandRequest,
  type ExecCommandResponse,
  ExecCommandResponseSchema,
  GetArchiveResponseSchema,
  type PutArchiveRequest,
  PutArchiveResponseSchema,
  ReleaseSandboxResponseSchema,
  SandboxService,
} from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { countFromInt64, durationFromMs } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import { runCommand, type SandboxLease, type SandboxSpec } from '../sandbox/index.ts';
import { requestContextKey } from '../transport/index.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import type { AgentLeases } from './agent-leases.ts';
import type { Caller } from './credentials.ts';
import { commandOf, timeoutOf } from './exec-request.ts';
import { Handover } from './handover.ts';

/** A command whose caller left gets so long to end by itself. */
const CANCEL_GRACE_MS = 250;

/** Serves `SandboxService` over the leases of agents. */
export function sandboxService(router: ConnectRouter, leases: AgentLeases): void {
  const { backend } = leases.pool;
  router.service(SandboxService, {
    acquireSandbox: async ({ leaseId, ...request }, context) => {
      if (request.backend !== '' && request.backend !== backend.name) {
        throw invalidInput('backend', `is "${request.backend}"; this server has ${backend.name}.`);
      }
      const spec: SandboxSpec = {
        ...(request.image === '' ? {} : { image: request.image }),
        ...(request.network ? { network: 'open' } : {}),
      };
      const lease = await leases.acquire(callerId(context), leaseId, spec, context.signal);
      return create(AcquireSandboxResponseSchema, {
        leaseDuration: durationFromMs(leases.holdMs),
        isolation: lease.isolation,
        backend: lease.backend,
        workingDirectory: lease.workdir,
      });
    },
    execCommand: (request, context) =>
      streamed<ExecCommandResponse>(context.signal, (send, signal) =>
        leases.use(callerId(context), request.leaseId, (lease) =>
          exec(lease, request, send, signal),
        ),
      ),
    putArchive: async (requests, context) => {
      const pieces = requests[Symbol.asyncIterator]();
      const first = await pieces.next();
      if (first.done === true) throw invalidInput('lease_id', 'is missing: nothing was sent.');
      const { leaseId, path } = first.value;
      const size = await leases.use(callerId(context), leaseId, (lease) =>
        lease.putArchive(path, bytesOf(first.value, pieces), { signal: context.signal }),
      );
      return create(PutArchiveResponseSchema, { size: BigInt(size) });
    },
    getArchive: ({ leaseId, path }, context) =>
      streamed(context.signal, (send, signal) =>
        leases.use(callerId(context), leaseId, async (lease) => {
          for await (const bytes of lease.getArchive(path, { signal })) {
            for (const data of chunks(bytes))
              await send(create(GetArchiveResponseSchema, { data }));
          }
        }),
      ),
    releaseSandbox: async ({ leaseId }, context) => {
      await leases.release(callerId(context), leaseId);
      return create(ReleaseSandboxResponseSchema);
    },
  });
}

async function exec(
  lease: SandboxLease,
  request: ExecCommandRequest,
  send: (response: ExecCommandResponse) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const command = commandOf(request);
  const timeoutMs = timeoutOf(request.timeout);
  const most = countFromInt64(request.maxOutputBytes, 'max_output_bytes') || Infinity;
  const sent = { stdout: 0, stderr: 0 };
  let isCut = false;
  const process = await lease.spawn(command, { signal });
  // SIGTERM is polite for a deadline; nobody is left to wait for what a cancelled command tidies up.
  let killing: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    killing = setTimeout(() => void process.kill('SIGKILL').catch(() => {}), CANCEL_GRACE_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const result = await runCommand(async () => process, {
      timeoutMs,
      maxOutputBytes: 0,
      signal,
      onChunk: async ({ stream, bytes }) => {
        if (signal.aborted) return;
        const kept = bytes.subarray(0, Math.max(0, most - sent[stream]));
        if (kept.length < bytes.length) isCut = true;
        sent[stream] += kept.length;
        for (const value of chunks(kept)) {
          const name = stream === 'stdout' ? 'standardOutput' : 'standardError';
          await send(create(ExecCommandResponseSchema, { event: { case: name, value } }));
        }
      },
    });
    if (result.leftRunning && (result.timedOut || result.aborted)) {
      lease.taint('a command outlived its end');
    }
    signal.throwIfAborted();
    const value = {
      exitCode: result.exitCode,
      timedOut: result.timedOut,
      outputTruncated: isCut,
      duration: durationFromMs(result.durationMs),
      signal: result.signal ?? '',
    };
    await send(create(ExecCommandResponseSchema, { event: { case: 'exit', value } }));
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(killing);
  }
}

/** What `work` sends, one message at a time: it goes on when the last was taken, and ends with its reader. */
async function* streamed<Message>(
  outer: AbortSignal,
  work: (send: (message: Message) => Promise<void>, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<Message> {
  const left = new AbortController();
  const signal = AbortSignal.any([outer, left.signal]);
  const handover = new Handover<Message>();
  const working = work((message) => handover.give(message, signal), signal).then(
    () => handover.end(),
    (error: unknown) => handover.fail(error),
  );
  try {
    yield* handover;
  } finally {
    left.abort(new Error('the caller reads no more'));
    await working;
  }
}

async function* bytesOf(
  first: PutArchiveRequest,
  rest: AsyncIterator<PutArchiveRequest>,
): AsyncGenerator<Uint8Array> {
  yield first.data;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    if (next.value.leaseId !== '' && next.value.leaseId !== first.leaseId) {
      throw invalidInput('lease_id', 'changed within one archive.');
    }
    yield next.value.data;
  }
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += WIRE_LIMITS.maxChunkBytes) {
    yield bytes.subarray(at, at + WIRE_LIMITS.maxChunkBytes);
  }
}

function callerId({ values }: HandlerContext): string {
  return (values.get(requestContextKey)?.caller as Caller | undefined)?.id ?? '';
}
