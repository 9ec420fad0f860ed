import {
  createChatmlRenderer,
  createManagedServer,
  createScriptedEngine,
  type EngineRequest,
  type ManagedServer,
  type ScriptedEngine,
  type ScriptedReply,
} from '../../src/models/index.ts';
import type { ToolCallParser } from '../../src/parsers/index.ts';
import { Tokenizer } from '../../src/policy/index.ts';
import { END } from '../models/chatml.ts';

/** A vocabulary of bytes: an answer of n letters samples n + 1 tokens. */
const bytes = new Tokenizer([]);

/** `!look!taste` calls two tools without arguments; anything else is said. */
const terse: ToolCallParser = {
  name: 'terse',
  parse(text, { finishReason }) {
    const names = text.startsWith('!') && finishReason === 'stop' ? text.slice(1).split('!') : [];
    const calls = names.map((name) => ({ name, argumentsText: '{}' }));
    return { content: calls.length > 0 ? '' : text, calls, diagnostics: [] };
  },
  stream: () => {
    throw new Error('not streamed');
  },
  renderCalls: (calls) => calls.map(({ name }) => `!${name}`).join(''),
};

/** One request, as a script looks at it. */
export interface Asked {
  /** The system message; empty for none. */
  readonly system: string;
  /** What was said last: the user's text, or the newest tool results. */
  readonly last: string;
  /** Answers of the model that the prompt holds. */
  readonly turn: number;
  readonly request: EngineRequest;
}

/** A managed server over an engine that says what it is told; a text is closed by one end token. */
export function terseModel(
  script: (asked: Asked) => string | ScriptedReply,
): ManagedServer & { readonly engine: ScriptedEngine } {
  const engine = createScriptedEngine({
    replies: (request) => {
      const reply = script(askedOf(request));
      return typeof reply === 'string' ? { tokenIds: spelled(reply) } : reply;
    },
    endTokenId: END,
    description: { vocabularySize: bytes.vocabularySize },
  });
  const renderer = createChatmlRenderer({ tokenizer: bytes });
  return { ...createManagedServer({ engine, renderer, parser: terse }), engine };
}

/** The tokens of an answer. */
export function spelled(text: string): number[] {
  return [...new TextEncoder().encode(text), END];
}

function askedOf(request: EngineRequest): Asked {
  const prompt = bytes.decode(request.promptTokenIds);
  const said = [...prompt.matchAll(/<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>/gs)];
  const [, , system = ''] = said.find(([, role]) => role === 'system') ?? [];
  const [, , last = ''] = said.at(-1) ?? [];
  const turn = said.filter(([, role]) => role === 'assistant').length;
  return { system, last, turn, request };
}
