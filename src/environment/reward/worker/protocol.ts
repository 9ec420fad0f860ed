import { clipText, type ErrorKind, errorMessage, LachesisError } from '../../../errors.ts';
import type { RewardContext } from '../../environment.ts';

/** What a reward module's default export is given: a copy of what `reward` is, without the signal. */
export type WorkerRewardInput<Data = unknown, State = unknown, Settings = unknown> = Omit<
  RewardContext<Data, State, Settings>,
  'signal' | 'sandbox' | 'openSandbox'
>;

/** What a thread is sent: one input, and which call of the thread that is, from 1. */
export interface ThreadCall {
  readonly call: number;
  readonly input: unknown;
}

/** What a thread says: `ready` or `load_failed` once, then one answer to each call. */
export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'load_failed'; readonly error: ThrownError }
  | { readonly kind: 'no_function' }
  | { readonly kind: 'value'; readonly call: number; readonly value: unknown }
  | { readonly kind: 'unsendable'; readonly call: number; readonly error: ThrownError }
  | { readonly kind: 'threw'; readonly call: number; readonly error: ThrownError };

/** What a thread is started with. */
export interface ThreadData {
  readonly href: string;
}

/** Something thrown, as it crosses a thread: a clone of an error would lose its kind and reason. */
export interface ThrownError {
  readonly message: string;
  readonly stack?: string;
  readonly typed?: {
    readonly kind: ErrorKind;
    readonly reason: string;
    readonly remedy?: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
}

/** A message may quote a whole answer; a failure is kept with every rollout. */
const MAX_MESSAGE_BYTES = 8_000;

/** Of anything: what a module throws need be no error, and no text. */
export function packError(thrown: unknown): ThrownError {
  const message = clipText(errorMessage(thrown), MAX_MESSAGE_BYTES);
  if (!(thrown instanceof Error)) return { message };
  const stack = typeof thrown.stack === 'string' ? { stack: clipText(thrown.stack, 16_000) } : {};
  if (!(thrown instanceof LachesisError)) return { message, ...stack };
  const { kind, reason, remedy, metadata } = thrown;
  return {
    // It is put there again when the error is made anew.
    message: remedy === undefined ? message : message.replace(` ${remedy}`, ''),
    ...stack,
    typed: {
      kind,
      reason,
      ...(remedy !== undefined && { remedy }),
      metadata: Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [name, errorMessage(value)]),
      ),
    },
  };
}

export function unpackError({ message, stack, typed }: ThrownError): Error {
  const error =
    typed === undefined ? new Error(message) : new LachesisError(typed.kind, message, typed);
  // The author looks for a line of the reward module, not for one in here.
  if (stack !== undefined) error.stack = stack;
  return error;
}
