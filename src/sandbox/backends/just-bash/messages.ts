import type { OutputStream } from '../../contract/command.ts';
import type { FileStat } from '../../contract/sandbox.ts';

/** What the thread of one sandbox is made with. */
export interface ThreadData {
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly diskBytes: number;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
  /** One Int32, not 0 once it should end: the interpreter looks at it without leaving its loop. */
  readonly stop: SharedArrayBuffer;
}

export type ThreadRequest =
  | RunRequest
  | { readonly kind: 'stat' | 'pack'; readonly path: string }
  | { readonly kind: 'unpack'; readonly path: string; readonly tar: Uint8Array };

export interface ThreadAnswers {
  readonly run: { readonly code: number; readonly stopped: boolean };
  readonly stat: FileStat | undefined;
  readonly pack: Uint8Array;
  readonly unpack: null;
}

/** To the thread. `stop` wakes what waits; `read` says how much of its output was taken. */
export type ToThread =
  | { readonly id: number; readonly request: ThreadRequest }
  | { readonly id: number; readonly stop: true }
  | { readonly id: number; readonly read: number };

export type FromThread =
  | { readonly ready: true }
  | { readonly id: number; readonly stream: OutputStream; readonly bytes: Uint8Array }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string };
