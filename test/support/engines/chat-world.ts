import type { ChatTurn } from './vllm-chat.ts';

export const END = 9;
const ROLES: Readonly<Record<string, number>> = { system: 1, user: 2, assistant: 3, tool: 4 };

// biome-ignore lint/suspicious/noExplicitAny: a foreign body
type Body = any;

/** What the model of a {@link ChatWorld} writes. */
export interface Written {
  /** `<think>…</think>content<call>NAME ARGUMENTS</call>…`; all parts may be absent. */
  readonly text: string;
  /** In place of one id a letter: another spelling of the same text. Ends with {@link END} as sampled. */
  readonly ids?: readonly number[];
  readonly more?: Partial<ChatTurn>;
}

/**
 * A chat server in miniature: one id a letter, a role before each message and an end behind it. As vLLM
 * does, it reads the arguments of earlier calls and writes them anew, and as some templates do it leaves
 * out the thinking of turns before the last question.
 */
export class ChatWorld {
  /** What was read and sampled at each call, as it came in. */
  readonly log: {
    readonly requestId: string;
    readonly prompt: readonly number[];
    readonly sampled: readonly number[];
  }[] = [];
  readonly #write: (body: Body, call: number) => Written;

  constructor(write: (body: Body, call: number) => Written) {
    this.#write = write;
  }

  readonly chat = (body: Body): ChatTurn => {
    const { text, ids, more } = this.#write(body, this.log.length);
    const prompt = render(body.messages, body.tools);
    const sampled = ids ?? [...lettersOf(text), END];
    this.log.push({ requestId: body.request_id, prompt, sampled });
    const message = parse(text, this.log.length);
    const finish = 'tool_calls' in message ? 'tool_calls' : 'stop';
    return { prompt, sampled, message, finish, ...more };
  };
}

/** One id a letter. */
export function lettersOf(text: string): number[] {
  return [...text].map((letter) => 100 + (letter.codePointAt(0) ?? 0));
}

/** The text of ids, those that are no letters spelled as markup. */
export function textOfIds(ids: readonly number[]): string {
  return ids
    .map((id) => {
      if (id < 100) return `<|${id}|>`;
      if (id < 100_000) return String.fromCodePoint(id - 100);
      return textOfIds([Math.floor((id - 100_000) / 1_000), (id - 100_000) % 1_000]);
    })
    .join('');
}

/** The same text with its first two letters in one token, as no tokenizer here spells it. */
export function oddly(text: string): number[] {
  const [a = 0, b = 0, ...rest] = lettersOf(text);
  return [100_000 + a * 1_000 + b, ...rest, END];
}

function render(messages: Body[], tools: unknown): number[] {
  const lastQuestion = messages.findLastIndex(({ role }) => role === 'user');
  const listed = tools === undefined ? [] : [5, ...lettersOf(JSON.stringify(tools)), END];
  const turns = messages.flatMap((message, at) => [
    ROLES[message.role] ?? 0,
    ...lettersOf(spell(message, at > lastQuestion)),
    END,
  ]);
  return [...listed, ...turns, ROLES['assistant'] as number];
}

function spell(message: Body, withThinking: boolean): string {
  const { content, reasoning_content: reasoning, tool_calls: calls = [] } = message;
  const parts = Array.isArray(content) ? content.map(({ text }) => text ?? '#').join('') : content;
  return [
    reasoning !== undefined && withThinking ? `<think>${reasoning}</think>` : '',
    parts ?? '',
    ...calls.map(
      ({ function: { name, arguments: given } }: Body) =>
        `<call>${name} ${JSON.stringify(JSON.parse(given))}</call>`,
    ),
  ].join('');
}

function parse(text: string, call: number): Readonly<Record<string, unknown>> {
  const thinking = /^<think>(.*?)<\/think>/s.exec(text);
  const said = text.slice(thinking?.[0].length ?? 0);
  const calls = [...said.matchAll(/<call>(\S+) (.*?)<\/call>/gs)];
  const content = said.replaceAll(/<call>.*?<\/call>/gs, '');
  return {
    content: content === '' ? null : content,
    ...(thinking !== null && { reasoning: thinking[1] }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(([, name, given], at) => ({
        id: `chatcmpl-tool-${call}-${at}`,
        type: 'function',
        function: { name, arguments: given },
      })),
    }),
  };
}
