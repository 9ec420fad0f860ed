import type { Sandbox } from '../../../src/sandbox/index.ts';
import type { FakeExec } from './fake-exec.ts';
import type { SandboxCreateV2Request } from './gen/client_pb.ts';

/** What ended it, as Modal numbers results. */
export const ENDED = { success: 1, failure: 2, terminated: 3, timeout: 4 } as const;

export interface NetworkRecord {
  readonly type: number;
  readonly cidrs: readonly string[];
  readonly domains: readonly string[];
}

/** One sandbox of the fake: what it was asked to be, and the box in which its commands run for real. */
export class FakeSandbox {
  readonly id: string;
  readonly taskId: string;
  readonly box: Sandbox;
  readonly request: SandboxCreateV2Request;
  readonly tags: ReadonlyMap<string, string>;
  /** In seconds; no two are the same. */
  readonly createdAt: number;
  readonly execs = new Map<string, Promise<FakeExec>>();
  /** All argument lists and variables that it was sent. */
  readonly seen: { readonly argv: readonly string[]; readonly env: Record<string, string> }[] = [];
  network: NetworkRecord;
  status: number | undefined;
  /** Where its worker listens. */
  port: number;
  /** Its worker answers nobody. */
  isUnreachable = false;
  /** Tokens of earlier generations are refused. */
  generation = 0;
  lastUsedMs: number;
  /** Ends whatever is being answered for it. */
  readonly ended = new AbortController();
  cut = new AbortController();

  constructor(options: {
    readonly id: string;
    readonly box: Sandbox;
    readonly request: SandboxCreateV2Request;
    readonly createdAt: number;
    readonly nowMs: number;
    readonly port: number;
  }) {
    const { request } = options;
    this.id = options.id;
    this.taskId = options.id.replace('sb-', 'ta-');
    this.box = options.box;
    this.request = request;
    this.createdAt = options.createdAt;
    this.port = options.port;
    this.lastUsedMs = options.nowMs;
    this.tags = new Map(request.tags.map(({ tagName, tagValue }) => [tagName, tagValue]));
    const access = request.definition?.networkAccess;
    this.network = {
      type: access?.networkAccessType ?? 0,
      cidrs: access?.allowedCidrs ?? [],
      domains: access?.allowedDomains ?? [],
    };
  }

  /** When it ends by itself, at the latest. */
  get endsAtMs(): number {
    return this.createdAt * 1_000 + (this.request.definition?.timeoutSecs ?? 300) * 1_000;
  }

  async isIdleSince(nowMs: number): Promise<boolean> {
    const { idleTimeoutSecs } = this.request.definition ?? {};
    if (idleTimeoutSecs === undefined) return false;
    const execs = await Promise.all(this.execs.values());
    if (execs.some((exec) => !exec.hasExited)) return false;
    return nowMs - this.lastUsedMs > idleTimeoutSecs * 1_000;
  }

  async end(status: number): Promise<void> {
    if (this.status !== undefined) return;
    this.status = status;
    this.ended.abort();
    await this.box.terminate();
  }
}
