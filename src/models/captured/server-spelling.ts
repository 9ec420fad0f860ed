import { LachesisError } from '../../errors.ts';
import { type AssistantMessage, isJsonObject, type JsonObject } from '../../messages.ts';
import type { EngineConnection } from '../engines/engine-connection.ts';
import type { ProbeFinding } from '../engines/probe-report.ts';
import { modelError } from '../model-errors.ts';
import type { CompletionRequest } from '../model-server.ts';
import { spells } from './message-spelling.ts';
import type { CapturedReply } from './vllm-chat.ts';

/** Answers of a server that lacks the route. */
const NO_ROUTE: ReadonlySet<string> = new Set(['404', '405', '501']);

/** A check is not worth the wait that a sampled turn is. */
const MAX_WAIT_MS = 10_000;

/**
 * Holds a message against the ids that it is said to be of, by the server's own `/detokenize`: there is no
 * tokenizer here. One short call a turn, beside one that samples; a server without the route is asked once.
 */
export class ServerSpelling {
  readonly #connection: EngineConnection;
  readonly #model: string | undefined;
  #missing: string | undefined;

  constructor(connection: EngineConnection, model: string | undefined) {
    this.#connection = connection;
    this.#model = model;
  }

  /** The reply, with what is amiss where the message is not spelled by its ids. */
  async checked(
    reply: CapturedReply,
    { toolChoice }: CompletionRequest,
    signal: AbortSignal,
  ): Promise<CapturedReply> {
    const { generation, completion } = reply;
    const { tokenIds, amiss, failure } = generation;
    // A message that was broken off need not be whole.
    if (amiss !== undefined || failure !== undefined || signal.aborted) return reply;
    if (tokenIds.length === 0 || tokenIds.some((id) => id < 0)) return reply;
    const text = await this.#textOf(tokenIds, signal);
    if (text === undefined || spells(text, completion.message, toolChoice)) return reply;
    return { ...reply, generation: { ...generation, amiss: disagrees(completion.message) } };
  }

  finding(): ProbeFinding {
    return this.#missing === undefined
      ? { probe: 'spelling', outcome: 'yes', detail: 'messages are held against their ids' }
      : { probe: 'spelling', outcome: 'unknown', detail: this.#missing };
  }

  /** Undefined where the server can't tell. */
  async #textOf(tokenIds: Int32Array, signal: AbortSignal): Promise<string | undefined> {
    if (this.#missing !== undefined) return undefined;
    const body: JsonObject = {
      ...(this.#model !== undefined && { model: this.#model }),
      tokens: [...tokenIds],
    };
    const call = { method: 'POST', path: '/detokenize', body } as const;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(MAX_WAIT_MS)]);
    try {
      const answer = await this.#connection.retried(bounded, (inner) =>
        this.#connection.http.call({ ...call, signal: inner }),
      );
      const text = isJsonObject(answer) ? answer['prompt'] : undefined;
      if (typeof text === 'string') return text;
      this.#missing = 'its /detokenize gives no text, so messages are not held against their ids';
      return undefined;
    } catch (thrown) {
      if (signal.aborted || !(thrown instanceof LachesisError)) return undefined;
      if (NO_ROUTE.has(thrown.metadata['status'] ?? '')) {
        this.#missing = 'it has no /detokenize, so messages are not held against their ids';
        return undefined;
      }
      // It is asked again at the next turn; ids that it refuses are none of its own.
      return thrown.kind === 'model_error' ? '' : undefined;
    }
  }
}

function disagrees({ toolCalls }: AssistantMessage): LachesisError {
  const what = toolCalls.length > 0 ? 'message and calls are' : 'message is';
  return modelError(`vLLM\u2019s ${what} not spelled by the ids it gave.`, {
    reason: 'TEXT_DISAGREES',
    remedy:
      'Ask vLLM itself: something in between writes its messages or its ids anew. Or leave the check out with checkSpelling: "never".',
  });
}
