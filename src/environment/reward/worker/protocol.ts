import { type ErrorKind, errorMessage, LachesisError } from '../../../errors.ts';
import type { RewardContext } from '../../environment.ts';

/** What a reward module's default export is given: a copy of what `reward` is, without the signal. */
export type WorkerRewardInput<Data = unknown, State = unknown, Settings = unknown> = Omit<
  RewardContext<Data, State, Settings>,
  'signal'
>;

/** What a thread says: `ready` or `load_failed` once, then one answer to each input it is sent. */
export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'load_failed'; readonly error: ThrownError }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: ThrownError };

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
    readonly metadata: Readonly<Record<string, string>>;
  };
}

export function packError(thrown: unknown): ThrownError {
  return {
    message: errorMessage(thrown),
    ...(thrown instanceof Error && thrown.stack !== undefined && { stack: thrown.stack }),
    ...(thrown instanceof LachesisError && {
      typed: { kind: thrown.kind, reason: thrown.reason, metadata: { ...thrown.metadata } },
    }),
  };
}

export function unpackError({ message, stack, typed }: ThrownError): Error {
  const error =
    typed === undefined ? new Error(message) : new LachesisError(typed.kind, message, typed);
  // The author looks for a line of the reward module, not for one in here.
  if (stack !== undefined) error.stack = stack;
  return error;
}
