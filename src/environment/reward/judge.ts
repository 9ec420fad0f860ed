import { pause, startDeadline, untilAborted } from '../../async/index.ts';
import { clipText, errorMessage, LachesisError } from '../../errors.ts';
import { type Message, type SamplingParameters, textContent, textOf } from '../../messages.ts';
import type { ModelServer } from '../../models/index.ts';

/** Asks a model; gives its text. */
export type JudgeCall = (
  messages: readonly Message[],
  options: { readonly signal: AbortSignal },
) => Promise<string>;

interface JudgeQuestion<Input, Verdict> {
  /** What the judge is asked: a user message, or a whole conversation. */
  readonly prompt: (input: Input) => string | readonly Message[];
  /** The verdict in the judge's answer; undefined, NaN or a throw when there is none. */
  readonly parse: (answer: string, input: Input) => Verdict | undefined;
  /** Calls until one succeeds and can be read. Default: 2. */
  readonly attempts?: number;
  /** Of all attempts together. Default: 60 s. */
  readonly timeoutMs?: number;
}

/** Who answers: a model server, with how to sample it, or a function of your own. */
export type JudgeOptions<Input, Verdict> = JudgeQuestion<Input, Verdict> &
  (
    | { readonly server: ModelServer; readonly sampling?: SamplingParameters }
    | { readonly complete: JudgeCall }
  );

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_PAUSE_MS = 5_000;

/**
 * A model that scores. The function returned asks it once, and again where the call fails or the
 * answer can't be read; when none can, it throws an infrastructure_error. Thrown out of a reward
 * function, that means "not scored": what the judge fails at is never the judged model's 0. Keep
 * `timeoutMs` below the environment's `rewardTimeoutMs`. The server stays its owner's to close.
 */
export function judge<Input, Verdict = number>(
  options: JudgeOptions<Input, Verdict>,
): (input: Input, options: { readonly signal: AbortSignal }) => Promise<Verdict> {
  const { prompt, parse, attempts = 2, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const call = 'complete' in options ? options.complete : serverCall(options);

  return async (input, { signal }) => {
    const asked = prompt(input);
    const messages: readonly Message[] =
      typeof asked === 'string' ? [{ role: 'user', content: textContent(asked) }] : asked;
    using deadline = startDeadline({
      timeoutMs,
      reason: () => judgeError('JUDGE_TIMEOUT', `The judge gave no verdict in ${timeoutMs} ms.`),
      signal,
    });
    let failure = judgeError('JUDGE_FAILED', 'The judge was allowed no attempt.');
    for (let attempt = 1; attempt <= attempts; attempt++) {
      let answer: string;
      try {
        answer = await untilAborted(call(messages, deadline), deadline);
      } catch (error) {
        deadline.signal.throwIfAborted();
        failure = judgeError('JUDGE_FAILED', `The judge failed: ${errorMessage(error)}`, error);
        const pauseMs = error instanceof LachesisError ? (error.retryAfterMs ?? 0) : 0;
        if (attempt < attempts) await pause(Math.min(pauseMs, MAX_PAUSE_MS), deadline.signal);
        deadline.signal.throwIfAborted();
        continue;
      }
      const verdict = read(() => parse(answer, input));
      if (verdict !== undefined) return verdict;
      const quoted = clipText(JSON.stringify(answer), 300);
      failure = judgeError('JUDGE_UNREADABLE', `The judge's answer has no verdict: ${quoted}.`);
    }
    throw failure;
  };
}

function serverCall(options: {
  readonly server: ModelServer;
  readonly sampling?: SamplingParameters;
}): JudgeCall {
  const { server, sampling = {} } = options;
  return async (messages, { signal }) => {
    const session = server.openSession({ rolloutId: 'judge', announcedVersion: () => 0 });
    const { message } = await session.complete({ messages, tools: [], sampling }, { signal });
    return textOf(message);
  };
}

/** A parser that throws found no verdict; neither did one that made a number of nothing. */
function read<Verdict>(parse: () => Verdict | undefined): Verdict | undefined {
  try {
    const verdict = parse();
    return Number.isNaN(verdict) ? undefined : verdict;
  } catch {
    return undefined;
  }
}

function judgeError(reason: string, message: string, cause?: unknown): LachesisError {
  return new LachesisError('infrastructure_error', message, { reason, cause });
}
