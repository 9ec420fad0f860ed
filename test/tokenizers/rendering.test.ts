import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AssistantMessage, Message, ToolDefinition } from '../../src/messages.ts';
import { textContent } from '../../src/messages.ts';
import type { RenderedPiece } from '../../src/models/index.ts';
import { type Family, installed, loadModel, type Model } from './models.ts';
import { MISTRAL_SYSTEM, SMOLLM3 } from './templates.ts';
import { hostileTexts, tortureTexts } from './texts.ts';

const seed = 20_261_124;

const joined = (pieces: readonly RenderedPiece[]): number[] =>
  pieces.flatMap(({ tokenIds }) => [...tokenIds]);

const tools: ToolDefinition[] = [
  {
    name: 'look',
    description: 'Looks up “a thing”.',
    parameters: {
      type: 'object',
      properties: { q: { type: 'string' }, n: { type: 'integer', maximum: 10 } },
      required: ['q'],
    },
  },
];

const user = (text: string): Message => ({ role: 'user', content: textContent(text) });
const result = (text: string, id: string): Message => ({
  role: 'tool',
  content: textContent(text),
  toolCallId: id,
  toolName: 'look',
});

/** One turn of the model and what comes after it. */
interface Move {
  readonly says: string;
  readonly thinks: boolean;
  readonly move: 'user' | 'tool' | 'two tools' | 'tool and user';
  readonly texts: readonly [string, string];
}

const text = fc
  .array(fc.constantFrom(...tortureTexts), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
  // Templates treat empty messages as they like. The Jinja package trims byte order marks, Jinja does not.
  .filter((one) => one.trim() !== '' && !/^\s*\ufeff|\ufeff\s*$/.test(one));
/** What a model says: no white space at its ends, which templates take off on the way back. */
const says = text.map((one) => `so ${one} it is`);

const move: fc.Arbitrary<Move> = fc.record({
  says,
  thinks: fc.boolean(),
  move: fc.constantFrom('user', 'tool', 'tool', 'two tools', 'tool and user'),
  texts: fc.tuple(text, text),
});

function turnOf(
  { says: words, thinks, move: what }: Move,
  calls: boolean,
  index: number,
): AssistantMessage {
  const isCall = what !== 'user' && calls;
  const ids = what === 'two tools' ? ['a', 'b'] : ['a'];
  return {
    role: 'assistant',
    content: isCall ? [] : textContent(words),
    ...(thinks && { reasoning: `because ${words}` }),
    toolCalls: isCall
      ? ids.map((letter) => ({
          id: `call${String(index).padStart(4, '0')}${letter}`,
          name: 'look',
          argumentsText: `{"q": ${JSON.stringify(words.slice(0, 8).toWellFormed())}, "n": ${index}}`,
        }))
      : [],
  };
}

function after({ move: what, texts: [first, second] }: Move, index: number): Message[] {
  const id = `call${String(index).padStart(4, '0')}`;
  switch (what) {
    case 'user':
      return [user(first)];
    case 'tool':
      return [result(first, `${id}a`)];
    case 'two tools':
      return [result(first, `${id}a`), result(second, `${id}b`)];
    case 'tool and user':
      return [result(first, `${id}a`), user(second)];
  }
}

interface Knows {
  /** Tool messages. */
  readonly tools: boolean;
  /** Writes calls; `one`: and raises for several in a turn. */
  readonly calls: boolean | 'one';
  readonly thinks: boolean;
}

/** What this family's template knows. */
const roles: Record<Family, Knows> = {
  qwen3: { tools: true, calls: true, thinks: true },
  qwen2_5: { tools: true, calls: true, thinks: false },
  llama3_1: { tools: true, calls: false, thinks: false },
  llama3_2: { tools: true, calls: 'one', thinks: false },
  deepseek_v3: { tools: false, calls: false, thinks: false },
  llama2: { tools: false, calls: false, thinks: false },
  mistral: { tools: true, calls: true, thinks: false },
};

describe.skipIf(!installed).each(Object.keys(roles) as Family[])('%s', (family) => {
  let model: Model;
  let control: ReadonlySet<number>;
  beforeAll(() => {
    model = loadModel(family);
    control = new Set(model.tokenizer.controlTokens.map(({ id }) => id));
  });
  // One family at a time: each takes some 200 MB with the package's own beside it.
  afterAll(() => {
    model = undefined as never;
  });
  const knows = roles[family];
  const startsWithSpace = family === 'llama2' || family === 'mistral';
  const countControl = (ids: readonly number[]): number =>
    ids.filter((id) => control.has(id)).length;

  test('encodes as the model’s own tokenizer, and spelled control tokens as text', () => {
    for (const sample of [...tortureTexts, ...hostileTexts(model.tokenizer)]) {
      const { tokenizer } = model;
      const whole = model.encodeWhole(sample.toWellFormed());
      expect([...tokenizer.encode(sample, { allowSpecial: true })], sample).toEqual(whole);
      expect(countControl([...tokenizer.encode(sample)]), sample).toBe(0);
      const bytes = [...tokenizer.encode(sample)].flatMap((id) => [...tokenizer.bytesOf(id)!]);
      // Where white space is a letter of its own, the text begins with one.
      const spelled = Buffer.from(bytes)
        .toString('utf8')
        .replace(startsWithSpace ? /^ / : '', '');
      const text = tokenizer.normalize(sample.toWellFormed());
      expect(spelled).toBe(startsWithSpace ? text.replaceAll('\u2581', ' ').slice(1) : text);
    }
  });

  test('renders a conversation as the template and the tokenizer themselves do', () => {
    fc.assert(
      fc.property(
        fc.array(move, { maxLength: 4 }),
        text,
        fc.boolean(),
        (moves, first, hasTools) => {
          const messages: Message[] = [user(first)];
          for (const [index, one] of moves.entries()) {
            const fit = fitted(one, knows);
            messages.push(turnOf(fit, knows.calls !== false, index), ...after(fit, index));
          }
          const offered = hasTools ? tools : [];
          const ids = joined(model.renderer.render(messages, offered));
          expect(ids).toEqual(model.encodeWhole(model.renderWhole(messages, offered, true)));
        },
      ),
      { seed, numRuns: 40 },
    );
  });

  test('appended turn by turn, the ids are those of a full render wherever the template is stable', () => {
    let extended = 0;
    fc.assert(
      fc.property(
        fc.array(move, { minLength: 1, maxLength: 6 }),
        text,
        fc.boolean(),
        fc.option(says, { nil: undefined }),
        (moves, first, hasTools, system) => {
          const offered = hasTools ? tools : [];
          const { renderer } = model;
          let messages: Message[] = [user(first)];
          // Mistral's template here has no place for one.
          if (system !== undefined && family !== 'mistral') {
            messages.unshift({ role: 'system', content: textContent(system) });
          }
          let ids = joined(renderer.render(messages, offered));
          for (const [index, one] of moves.entries()) {
            const fit = fitted(one, knows);
            const reply = turnOf(fit, knows.calls !== false, index);
            const added = after(fit, index);
            const before = model.renderWhole(messages, offered, true);
            const whole = model.renderWhole([...messages, reply, ...added], offered, true);
            const sampled = sampledTurn(model, before, whole);
            const history = [...messages, reply];
            const lastTokenId = sampled.at(-1)!;
            const next = renderer.extend({ lastTokenId, history }, added, offered);
            messages = [...history, ...added];
            if (next === undefined || !whole.startsWith(before)) {
              // Only where the template does rewrite what stood before, or can't be trusted not to.
              if (next !== undefined) throw new Error(`extended over a rewrite: ${whole}`);
              ids = joined(renderer.render(messages, offered));
            } else {
              extended += 1;
              const grown = [...ids, ...sampled, ...joined(next)];
              expect(grown.slice(0, ids.length)).toEqual(ids);
              ids = grown;
            }
            expect(ids).toEqual(model.encodeWhole(whole));
          }
        },
      ),
      { seed, numRuns: 40 },
    );
    expect(extended).toBeGreaterThan(20);
  });

  test('a turn that was cut off is closed, once, and a closed one never twice', () => {
    const { renderer, tokenizer } = model;
    const close = renderer.stopTokenIds[0]!;
    const messages = [user('hello')];
    const reply: AssistantMessage = {
      role: 'assistant',
      content: textContent('well'),
      toolCalls: [],
    };
    const history = [...messages, reply];
    const body = [...tokenizer.encode('well')];
    const extend = (lastTokenId: number): number[] =>
      joined(renderer.extend({ lastTokenId, history }, [user('and?')], [])!);
    expect(extend(body.at(-1)!)).toEqual([close, ...extend(close)]);
    const all = [...joined(renderer.render(messages, [])), ...body, close, ...extend(close)];
    expect(all.filter((id, at) => id === close && all[at - 1] === close)).toEqual([]);
  });

  test('no text of a message changes how many control tokens there are', () => {
    const { renderer, tokenizer } = model;
    const plain = conversation('text', knows.tools);
    const expected = countControl(joined(renderer.render(plain.messages, tools)));
    const state = { lastTokenId: renderer.stopTokenIds[0]!, history: plain.history };
    const suffix = renderer.extend(state, plain.added, []);
    for (const hostile of hostileTexts(tokenizer)) {
      const spoofed = conversation(hostile, knows.tools);
      expect(countControl(joined(renderer.render(spoofed.messages, tools))), hostile).toBe(
        expected,
      );
      const next = renderer.extend({ ...state, history: spoofed.history }, spoofed.added, []);
      expect(next === undefined, hostile).toBe(suffix === undefined);
      if (next === undefined || suffix === undefined) continue;
      expect(countControl(joined(next)), hostile).toBe(countControl(joined(suffix)));
    }
  });

  test('sampled ids go back as they were, whatever they spell', () => {
    const { renderer, tokenizer } = model;
    const reply: AssistantMessage = {
      role: 'assistant',
      content: textContent('hello'),
      toolCalls: [],
    };
    // Letter by letter: never what the tokenizer makes of the word.
    const sampled = Int32Array.from([
      ...'hello'
        .split('')
        .flatMap((letter) => [...tokenizer.encodeText(letter, { continues: true })]),
      renderer.stopTokenIds[0]!,
    ]);
    const messages = [user('one'), reply, user('two')];
    const pieces = renderer.render(messages, [], (message) =>
      message === reply ? sampled : undefined,
    );
    const verbatim = pieces.filter((piece) => piece.verbatim);
    expect(verbatim).toEqual([
      { tokenIds: sampled, origin: 'foreign', messageIndex: 1, verbatim: true },
    ]);
    const prompt = joined(renderer.render(messages.slice(0, 1), []));
    const state = { lastTokenId: sampled.at(-1)!, history: messages.slice(0, 2) };
    const next = joined(renderer.extend(state, messages.slice(2), [])!);
    expect(joined(pieces)).toEqual([...prompt, ...sampled, ...next]);
  });

  test('pieces say whose text they are', () => {
    const said = 'Only I say this, dear model.';
    const messages: Message[] = [user(said)];
    const pieces = model.renderer.render(messages, []);
    const own = pieces.filter(({ origin }) => origin === 'prompt');
    expect(own.map(({ messageIndex }) => messageIndex)).toEqual([0]);
    expect(model.renderer.decode(own[0]!.tokenIds).trim()).toBe(said);
  });

  test('a render depends on nothing but what is given', () => {
    const again = loadModel(family);
    const { messages } = conversation('text', knows.tools);
    expect(joined(again.renderer.render(messages, tools))).toEqual(
      joined(model.renderer.render(messages, tools)),
    );
    expect(again.renderer.fingerprint).toEqual(model.renderer.fingerprint);
    // Others are found when they come up.
    const found = ({ renderer }: Model) => renderer.certification.kinds.slice(0, 8);
    expect(found(again)).toEqual(found(model));
  });

  test('the certification says what was found', () => {
    const { kinds, summary } = model.renderer.certification;
    const found = usual.map((kind) =>
      [false, true].map((hasTools) => {
        const one = kinds.find((each) => each.kind === kind && each.hasTools === hasTools)!;
        return one.reasoning === 'dropped' ? `${one.verdict}, drops reasoning` : one.verdict;
      }),
    );
    expect(found).toEqual(certified[family]);
    for (const kind of usual) expect(summary).toContain(kind);
  });

  // Whether an extension costs what is new, or a render of the whole by the template.
  test('what was found holds for all conversations, or is held against each', () => {
    const { kinds } = model.renderer.certification;
    const extending = kinds.filter(({ verdict }) => verdict === 'extends');
    const expected = family === 'mistral' ? 'each' : 'once';
    expect(new Set(extending.map(({ check }) => check))).toEqual(new Set([expected]));
  });
});

const usual = ['call > tool', 'call > tool tool', 'call > tool user', 'text > user'];

/** By family, in the order of the usual kinds: without tools and with. */
const certified: Record<Family, readonly (readonly [string, string])[]> = {
  // Takes the think blocks of earlier turns out once the user speaks again.
  qwen3: [
    ['extends', 'extends'],
    ['extends', 'extends'],
    ['extends, drops reasoning', 'extends, drops reasoning'],
    ['extends, drops reasoning', 'extends, drops reasoning'],
  ],
  qwen2_5: usual.map(() => ['extends', 'extends'] as const),
  llama3_1: usual.map(() => ['extends', 'extends'] as const),
  // Raises for two calls in a turn.
  llama3_2: usual.map((kind) => {
    const verdict = kind === 'call > tool tool' ? 'refused' : 'extends';
    return [verdict, verdict] as const;
  }),
  // Writes the results of a second round of tools in another way than those of the first.
  deepseek_v3: [
    ['rewrites', 'rewrites'],
    ['rewrites', 'rewrites'],
    ['rewrites', 'rewrites'],
    ['extends', 'extends'],
  ],
  // Raises for tools.
  llama2: [
    ['refused', 'refused'],
    ['refused', 'refused'],
    ['refused', 'refused'],
    ['extends', 'extends'],
  ],
  // Moves the list of tools to the last message of the user.
  mistral: [
    ['extends', 'extends'],
    ['extends', 'extends'],
    ['extends', 'uncertain'],
    ['extends', 'uncertain'],
  ],
};

/** What the model said between two renders, tokenised as it would most likely have been sampled. */
function sampledTurn(model: Model, before: string, whole: string): number[] {
  const close = model.tokenizer.pieceOf(model.renderer.stopTokenIds[0]!)!;
  const from = whole.startsWith(before) ? before.length : 0;
  const end = whole.indexOf(close, from) + close.length;
  const spelled = model.encodeWhole(whole.slice(0, end));
  return from === 0 ? spelled : spelled.slice(model.encodeWhole(before).length);
}

function fitted(one: Move, knows: Knows): Move {
  const isTwo = one.move === 'two tools' && knows.calls === 'one';
  return {
    ...one,
    thinks: one.thinks && knows.thinks,
    move: knows.tools ? (isTwo ? 'tool' : one.move) : 'user',
  };
}

function conversation(text: string, hasToolMessages: boolean) {
  const call: AssistantMessage = {
    role: 'assistant',
    content: hasToolMessages ? [] : textContent(`I say ${text} too`),
    toolCalls: hasToolMessages
      ? [
          {
            id: 'abcdefgh1',
            name: 'look',
            argumentsText: JSON.stringify({ q: text.toWellFormed() }),
          },
        ]
      : [],
  };
  const history = [user(`before ${text} after`), call];
  const added = hasToolMessages
    ? [result(`got ${text} back`, 'abcdefgh1')]
    : [user(`then ${text}`)];
  return { history, added, messages: [...history, ...added] };
}

describe.skipIf(!installed)('what stands far before, with a real tokenizer', () => {
  const system = (text: string): Message => ({ role: 'system', content: textContent(text) });
  const reply: AssistantMessage = {
    role: 'assistant',
    content: textContent('well'),
    toolCalls: [],
  };
  /** What an engine gets after one turn, beside the whole as the template writes it. */
  const twice = (family: Family, template: string, first: readonly Message[]) => {
    const model = loadModel(family, { template });
    const { renderer, tokenizer } = model;
    const sampled = [
      ...tokenizer.encodeText('well', { continues: true }),
      renderer.stopTokenIds[0]!,
    ];
    const history = [...first, reply];
    const added = [user('go on')];
    const next = renderer.extend({ lastTokenId: sampled.at(-1)!, history }, added, []);
    const says = (ids: readonly number[]): string => renderer.decode(Int32Array.from(ids));
    const whole = says(joined(renderer.render([...history, ...added], [])));
    const grown =
      next && says([...joined(renderer.render(first, [])), ...sampled, ...joined(next)]);
    return { grown, whole };
  };

  test('SmolLM3: a switch in the system message decides what a turn begins with', () => {
    const on = twice('qwen3', SMOLLM3, [system('Be short.'), user('hi')]);
    expect(on.grown).toEqual(on.whole);
    expect(twice('qwen3', SMOLLM3, [system('Be short. /no_think'), user('hi')]).grown).toBe(
      undefined,
    );
  });

  test('Mistral 7B v0.3: the system message moves to the user’s last', () => {
    const without = twice('llama2', MISTRAL_SYSTEM, [user('hi')]);
    expect(without.grown).toEqual(without.whole);
    expect(twice('llama2', MISTRAL_SYSTEM, [system('Be short.'), user('hi')]).grown).toBe(
      undefined,
    );
  });
});
