import type { Sandbox } from 'e2b';
import { LachesisError } from '../../../errors.ts';

type Selector = { readonly selector: { readonly case: 'pid'; readonly value: number } };
interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface StartEvent {
  readonly event?: {
    readonly event:
      | { readonly case: 'start'; readonly value: { readonly pid: number } }
      | {
          readonly case: 'data';
          readonly value: {
            readonly output: {
              readonly case: 'stdout' | 'stderr' | 'pty' | undefined;
              readonly value: Uint8Array;
            };
          };
        }
      | { readonly case: 'end'; readonly value: { readonly exitCode: number } }
      | { readonly case: 'keepalive' | undefined };
  };
}

/** The inner client of `sandbox.commands`, as far as it is used. */
export interface ProcessRpc {
  start(
    request: {
      readonly process: {
        readonly cmd: string;
        readonly args: readonly string[];
        readonly cwd: string;
      };
      readonly stdin: boolean;
    },
    options: CallOptions,
  ): AsyncIterable<StartEvent>;
  sendInput(
    request: {
      readonly process: Selector;
      readonly input: { readonly input: { readonly case: 'stdin'; readonly value: Uint8Array } };
    },
    options: CallOptions,
  ): Promise<unknown>;
  closeStdin(request: { readonly process: Selector }, options: CallOptions): Promise<unknown>;
}

/**
 * `commands.run` itself gives text only, keeps all of it, and starts a login shell. The client under it gives the
 * bytes as they come; the version of `e2b` is exact for its sake.
 */
export function processRpc(sandbox: Sandbox): ProcessRpc {
  const { rpc } = sandbox.commands as unknown as { readonly rpc?: Partial<ProcessRpc> };
  if (rpc?.start !== undefined && rpc.sendInput !== undefined && rpc.closeStdin !== undefined) {
    return rpc as ProcessRpc;
  }
  throw new LachesisError('failed_precondition', 'This version of `e2b` is not known.', {
    reason: 'PACKAGE_VERSION',
    remedy: 'Run `npm install e2b@2.51.0`.',
  });
}
