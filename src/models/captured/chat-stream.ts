import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';
import type { ReplyReader } from '../engines/read-reply.ts';
import { streamError } from '../engines/vllm-shape.ts';

interface PartialCall {
  id: string;
  name: string;
  arguments: string;
}

/** The events of a streamed chat answer, put together as the answer that they are parts of. */
export class ChatAssembly {
  readonly #reader: ReplyReader;
  #prompt: JsonValue | undefined;
  #usage: JsonValue | undefined;
  readonly #ids: JsonValue[] = [];
  readonly #logprobs: JsonValue[] = [];
  readonly #calls: PartialCall[] = [];
  readonly #content: string[] = [];
  readonly #reasoning: string[] = [];
  #hasIds = false;
  #hasLogprobs = false;
  #finish: string | undefined;

  constructor(reader: ReplyReader) {
    this.#reader = reader;
  }

  /** Ids that came so far. */
  get sampled(): number {
    return this.#ids.length;
  }

  get isFinished(): boolean {
    return this.#finish !== undefined;
  }

  /** Takes the next event. Throws the server's own error where it is one. */
  add(value: unknown): void {
    const event = this.#reader.object(value, 'an event');
    if (isJsonObject(event['error'])) throw streamError(event['error'], this.#reader);
    if (Array.isArray(event['prompt_token_ids'])) this.#prompt = event['prompt_token_ids'];
    if (isJsonObject(event['usage'])) this.#usage = event['usage'];
    // The last event has the counts and no choice.
    const [choice] = this.#reader.list(event['choices'], 'choices');
    if (isJsonObject(choice)) this.#addChoice(choice);
  }

  #addChoice({ token_ids: ids, logprobs, delta, finish_reason: finish }: JsonObject): void {
    if (Array.isArray(ids)) {
      this.#hasIds = true;
      for (const id of ids) this.#ids.push(id);
    }
    const { content } = isJsonObject(logprobs) ? logprobs : {};
    if (Array.isArray(content)) {
      this.#hasLogprobs = true;
      for (const entry of content) this.#logprobs.push(entry);
    }
    if (typeof finish === 'string') this.#finish = finish;
    if (isJsonObject(delta)) this.#addDelta(delta);
  }

  #addDelta({ content, reasoning, reasoning_content: older, tool_calls: calls }: JsonObject): void {
    if (typeof content === 'string') this.#content.push(content);
    const thought = reasoning ?? older;
    if (typeof thought === 'string') this.#reasoning.push(thought);
    for (const part of Array.isArray(calls) ? calls : []) {
      if (!isJsonObject(part)) continue;
      const { index, id, function: target } = part;
      if (index !== this.#calls.length && index !== this.#calls.length - 1) {
        throw this.#reader.bad('delta.tool_calls[].index', `is ${index}, which is not the next`);
      }
      if (index === this.#calls.length) this.#calls.push({ id: '', name: '', arguments: '' });
      const call = this.#calls[index] as PartialCall;
      const { name, arguments: text } = isJsonObject(target) ? target : {};
      if (typeof id === 'string') call.id = id;
      if (typeof name === 'string') call.name += name;
      if (typeof text === 'string') call.arguments += text;
    }
  }

  /** What came so far, as an answer that was not streamed would hold it. */
  answer(): JsonObject {
    const reasoning = this.#reasoning.join('');
    return {
      choices: [
        {
          message: {
            role: 'assistant',
            content: this.#content.join(''),
            ...(reasoning !== '' && { reasoning }),
            tool_calls: this.#calls.map(({ id, ...target }) => ({
              id,
              type: 'function',
              function: target,
            })),
          },
          finish_reason: this.#finish ?? null,
          token_ids: this.#hasIds ? this.#ids : null,
          logprobs: this.#hasLogprobs ? { content: this.#logprobs } : null,
        },
      ],
      ...(this.#prompt !== undefined && { prompt_token_ids: this.#prompt }),
      ...(this.#usage !== undefined && { usage: this.#usage }),
    };
  }
}
