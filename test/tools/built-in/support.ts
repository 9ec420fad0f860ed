import type { JsonObject } from '../../../src/messages.ts';
import type { SandboxLease, SandboxPool } from '../../../src/sandbox/index.ts';
import { openRolloutSandbox } from '../../../src/sandbox/index.ts';
import {
  createToolRegistry,
  noModel,
  sandboxToolHandler,
  sandboxTools,
  type ToolContext,
} from '../../../src/tools/index.ts';
import { openHostLease } from '../../sandbox/support/host-sandbox.ts';

/** A context made by hand, of one rollout. */
export function contextOf(
  sandbox: ToolContext['sandbox'],
  rest: Partial<ToolContext> = {},
): ToolContext {
  return {
    rolloutId: 'r1',
    turn: 1,
    state: undefined,
    settings: {},
    model: noModel,
    sandbox,
    signal: new AbortController().signal,
    ...rest,
  };
}

/** A way in which tool calls reach a sandbox. */
export interface Bench extends AsyncDisposable {
  /** Of the text that the model is given. */
  text(name: string, args: JsonObject, rest?: Partial<ToolContext>): Promise<string>;
  call(name: string, args: JsonObject, rest?: Partial<ToolContext>): Promise<JsonObject>;
}

function bench(text: Bench['text'], close: () => Promise<void>): Bench {
  return {
    text,
    call: async (...words) => JSON.parse(await text(...words)),
    [Symbol.asyncDispose]: close,
  };
}

function invocation(name: string, args: JsonObject) {
  return { callId: 'c1', name, arguments: args, argumentsText: JSON.stringify(args) };
}

/** The registry's `handleFunctionCall`, with a sandbox in the context. */
export async function registryBench(): Promise<Bench> {
  const lease = await openHostLease();
  const sandbox = openRolloutSandbox(lease);
  const { handleFunctionCall } = createToolRegistry(sandboxTools());
  return bench(
    (name, args, rest) => handleFunctionCall(invocation(name, args), contextOf(sandbox, rest)),
    async () => {
      await sandbox[Symbol.asyncDispose]();
      await lease.release();
    },
  );
}

/** A pool of host sandboxes, which says how many it gave and got back. */
export function hostPool(): SandboxPool & { readonly owners: string[]; out: number } {
  const pool = {
    owners: [] as string[],
    out: 0,
    backend: { name: 'host', capabilities: { isolation: 'process' } },
    acquire: async (_: unknown, { owner }: { readonly owner: string }): Promise<SandboxLease> => {
      const lease = await openHostLease();
      pool.owners.push(owner);
      pool.out += 1;
      const release = lease.release.bind(lease);
      let isOut = true;
      lease.release = async () => {
        if (isOut) pool.out -= 1;
        isOut = false;
        await release();
      };
      return lease;
    },
  };
  return pool as unknown as SandboxPool & { readonly owners: string[]; out: number };
}

/** The injected handler over a pool. */
export async function handlerBench(): Promise<Bench> {
  const { noSandbox } = await import('../../../src/tools/index.ts');
  const handler = sandboxToolHandler(hostPool(), {
    tools: sandboxTools(),
    minimumIsolation: 'process',
  });
  return bench(
    (name, args, rest) => handler.handle(invocation(name, args), contextOf(noSandbox, rest)),
    async () => {
      await handler[Symbol.asyncDispose]();
    },
  );
}
