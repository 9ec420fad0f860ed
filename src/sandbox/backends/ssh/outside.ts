import { randomUUID } from 'node:crypto';
import { type Ending, startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import { sandboxFault } from '../../contract/faults.ts';
import type { SshConnection } from './connection.ts';
import type { SshDialer } from './dialer.ts';
import { type LineResult, runLine } from './run-line.ts';
import { endLine, listLine } from './scripts.ts';

const TIMEOUT_MS = 30_000;
const never = new AbortController().signal;

export interface FoundFolder {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Looks after the host's sandboxes from outside of them: whichever process made them. One connection serves all. */
export class Outside {
  readonly #dialer: SshDialer;
  readonly #folder: string;
  readonly #ending = new AbortController();
  #connection: Promise<SshConnection> | undefined;

  constructor(dialer: SshDialer, folder: string) {
    this.#dialer = dialer;
    this.#folder = folder;
  }

  async list(signal: AbortSignal): Promise<readonly FoundFolder[]> {
    const target = { nonce: randomUUID(), folder: this.#folder };
    const { code, stdout, stderr } = await this.#run(listLine(target), signal);
    if (code !== 0) throw sandboxFault('The sandboxes could not be listed', new Error(stderr));
    return stdout.split('\n').flatMap((line) => readCard(target.nonce, line));
  }

  /** Ends a sandbox by its id. One that is not there is as it should be. */
  async end(id: string, signal: AbortSignal = never): Promise<void> {
    const target = { nonce: randomUUID(), folder: this.#folder };
    const { code, stdout, stderr } = await this.#run(endLine(target, id), signal);
    if (code === 0) return;
    const why = stdout.split(`${target.nonce} failed `)[1] ?? stderr;
    throw sandboxFault(`Sandbox ${id} could not be ended`, new Error(why.trim()));
  }

  async close(): Promise<void> {
    this.#ending.abort(new Error('the backend was closed'));
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
  }

  async #run(text: string, signal: AbortSignal): Promise<LineResult> {
    using deadline = startDeadline({
      ...{ timeoutMs: TIMEOUT_MS, signal },
      reason: () =>
        new LachesisError('infrastructure_error', `The host took longer than ${TIMEOUT_MS} ms.`, {
          reason: 'SANDBOX_FAULT',
        }),
    });
    const waiting: { readonly signal: Ending } = { signal: deadline };
    // One that was lost meanwhile says so only when it is used.
    for (let isAgain = false; ; isAgain = true) {
      const connection = await untilAborted(this.#connect(), waiting);
      try {
        return await untilAborted(runLine(connection, text), waiting);
      } catch (error) {
        if (deadline.expired) connection.close();
        if (deadline.aborted || isAgain || !connection.isLost) throw error;
      }
    }
  }

  #connect(): Promise<SshConnection> {
    this.#connection ??= this.#dial().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #dial(): Promise<SshConnection> {
    const connection = await this.#dialer.dial(this.#ending.signal);
    void connection.ended.then(() => {
      this.#connection = undefined;
    });
    return connection;
  }
}

/** Anything that runs in a sandbox may write one; its id is its folder's name, which is no command's to choose. */
function readCard(nonce: string, line: string): readonly FoundFolder[] {
  const match = /^(\S+) (ssh-[0-9a-f-]{36}) (.*)$/.exec(line);
  const [, own, id = '', json = ''] = match ?? [];
  if (own !== nonce) return [];
  try {
    const { tags } = JSON.parse(json) as { readonly tags?: unknown };
    if (typeof tags !== 'object' || tags === null) return [];
    const texts = Object.entries(tags).filter(([, value]) => typeof value === 'string');
    return [{ id, tags: Object.fromEntries(texts) }];
  } catch {
    // Another program's, or one that is being made or removed.
    return [];
  }
}
