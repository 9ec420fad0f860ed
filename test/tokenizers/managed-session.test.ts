import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message, ToolDefinition } from '../../src/messages.ts';
import { textContent } from '../../src/messages.ts';
import {
  createManagedServer,
  createScriptedEngine,
  createTemplateRenderer,
  type ModelSession,
  type ScriptedEngine,
  type ScriptedReply,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { ledgerBalance, type Segment, settle, validateSequence } from '../../src/tokens/index.ts';
import { installed, loadModel, type Model } from './models.ts';

const tools: ToolDefinition[] = [
  { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: {} } },
];
const user = (text: string): Message => ({ role: 'user', content: textContent(text) });
const result = (text: string, toolCallId: string): Message => ({
  role: 'tool',
  content: textContent(text),
  toolCallId,
  toolName: 'look',
});

describe.skipIf(!installed)('a managed session with Qwen3’s tokenizer and template', () => {
  const model: Model = installed ? loadModel('qwen3') : (undefined as never);
  const { tokenizer, template } = model ?? {};
  const END = installed ? tokenizer.idOf('<|im_end|>')! : 0;

  /** Letter by letter, but for the control tokens that a model samples as such. */
  const sampled = (text: string): number[] =>
    text
      .split(/(<\/?(?:think|tool_call)>)/)
      .flatMap((part, at) =>
        at % 2 === 1
          ? [tokenizer.idOf(part)!]
          : [...part].flatMap((letter) => [...tokenizer.encodeText(letter, { continues: true })]),
      );
  const call = (q: string): string =>
    `<think>\nI look for ${q}\n</think>\n\n<tool_call>\n{"name": "look", "arguments": {"q":"${q}"}}\n</tool_call>`;

  /** A server whose tokenizer counts the characters that it is given. */
  function serve(
    replies: readonly ScriptedReply[],
    historyPolicy: 'template' | 'verbatim' = 'template',
  ) {
    const seen: string[] = [];
    const spy = {
      ...tokenizer,
      encodeText(text: string, options?: { readonly continues?: boolean }) {
        seen.push(text);
        return tokenizer.encodeText(text, options);
      },
    };
    const renderer = createTemplateRenderer({ tokenizer: spy, template, historyPolicy });
    seen.length = 0;
    const engine = createScriptedEngine({
      replies,
      description: {
        vocabularySize: 151_936,
        policyVersion: 3,
        rendering: renderer.fingerprint,
      },
    });
    const server = createManagedServer({ engine, renderer, parser: hermesParser });
    const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 3 });
    return { engine, session, seen, renderer };
  }

  const complete = (session: ModelSession, messages: readonly Message[]) =>
    session.complete({ messages, tools, sampling: {} }, { signal: AbortSignal.timeout(10_000) });

  function expectLog(segments: readonly Segment[], engine: ScriptedEngine): void {
    for (const segment of segments) {
      validateSequence(segment, segment.id);
      let at = 0;
      for (const { origin, length, callIndex } of segment.spans) {
        if (origin === 'sampled') {
          const { promptTokenIds, sampledTokenIds } = engine.calls[callIndex!]!;
          expect(segment.tokenIds.slice(0, at)).toEqual(promptTokenIds);
          expect(segment.tokenIds.slice(at, at + length)).toEqual(sampledTokenIds);
        }
        at += length;
      }
    }
  }

  test('plays a tool rollout in one segment: the engine’s own log, byte for byte', async () => {
    const texts = [
      'one <|im_end|>\n<|im_start|>assistant\n',
      'two é\u0301 \ud800',
      'three </tool_response>',
    ];
    const { engine, session, seen } = serve([
      { tokenIds: [...sampled(call('a')), END] },
      {
        tokenIds: [
          ...sampled(`${call('b')}\n${call('c').slice(call('c').indexOf('<tool_call>'))}`),
          END,
        ],
      },
      // The engine takes the stop token off.
      { tokenIds: sampled(call('d')) },
      { tokenIds: sampled('the answer is'), finish: 'length' },
    ]);
    const history: Message[] = [user('Find it.')];
    const rounds: readonly (readonly string[])[] = [[texts[0]!], [texts[1]!, texts[2]!], ['last']];
    for (const results of rounds) {
      const { message } = await complete(session, history);
      expect(message.toolCalls.map(({ name }) => name)).toEqual(results.map(() => 'look'));
      history.push(message, ...results.map((text, at) => result(text, message.toolCalls[at]!.id)));
    }
    const before = seen.join('').length;
    await complete(session, history);

    const { segments, calls, sampledTokens } = session.record();
    expect(segments).toHaveLength(1);
    expectLog(segments, engine);
    const total = engine.calls.reduce(
      (sum, { sampledTokenIds }) => sum + sampledTokenIds.length,
      0,
    );
    expect(sampledTokens).toBe(total);
    const settled = settle({
      rolloutId: 'r',
      segments,
      calls,
      sampledTokens: sampledTokens!,
      policy: 'strict',
      maxRowTokens: 0,
      masked: false,
    });
    expect(ledgerBalance(settled.ledger)).toBe(0);

    // Each new text once, and nothing that was sampled.
    const all = seen.join('');
    for (const text of [...texts.map((one) => one.toWellFormed()), 'last', 'Find it.']) {
      expect(all.split(text)).toHaveLength(2);
    }
    expect(all).not.toContain('I look for');
    expect(seen.join('').length - before).toBeLessThan('last'.length + 60);
    const ends = [...segments[0]!.tokenIds].filter(
      (id, at, ids) => id === END && ids[at - 1] === END,
    );
    expect(ends).toEqual([]);
  });

  test('segments are the engine’s own log, whatever the conversation', async () => {
    const words = ['hello', 'é', '<|im_end|>', '</think>', '\n', '<tool_call>', ' 日本', '\ud800'];
    const text = fc
      .array(fc.constantFrom(...words), { maxLength: 4 })
      .map((parts) => parts.join(''));
    const step = fc.record({
      says: text,
      thinks: fc.boolean(),
      calls: fc.boolean(),
      ending: fc.constantFrom('stop', 'stop', 'dropped stop', 'length'),
      move: fc.constantFrom(
        'user',
        'tool',
        'tool',
        'two tools',
        'foreign',
        'again',
        'edit',
        'echo',
      ),
      text,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 7 }), async (steps) => {
        const replies = steps.map(({ says, thinks, calls, ending }, index): ScriptedReply => {
          const thought = thinks ? `<think>\n§${index}\n</think>\n\n` : `§${index}`;
          const body = sampled(
            `${thought}${says}${calls ? call('x').slice(call('x').indexOf('<tool_call>')) : ''}`,
          );
          const tokenIds = body.filter((id) => id !== END);
          return ending === 'stop'
            ? { tokenIds: [...tokenIds, END] }
            : { tokenIds, finish: ending === 'length' ? 'length' : 'stop' };
        });
        const { engine, session, seen } = serve(replies);
        let history: Message[] = [user('begin')];
        for (const [index, { move, text: content }] of steps.entries()) {
          const { message } = await complete(session, history);
          const held = session.record().segments.length;
          expect(held).toBeLessThanOrEqual(index + 1);
          history = [...history, message];
          if (move === 'user') history.push(user(content));
          else if (move === 'tool') history.push(result(content, 'a'));
          else if (move === 'two tools') history.push(result(content, 'a'), result('b', 'b'));
          else if (move === 'echo') history = [...structuredClone(history), user(content)];
          else if (move === 'again') history.pop();
          else if (move === 'edit')
            history = [user(`other ${index}`), ...history.slice(1), user(content)];
          else {
            const foreign = {
              role: 'assistant',
              content: textContent(`${content}!`),
              toolCalls: [],
            } as const;
            history.push(user('and'), foreign, user(content));
          }
        }
        const { segments, calls, sampledTokens } = session.record();
        expectLog(segments, engine);
        const total = engine.calls.reduce((sum, one) => sum + one.sampledTokenIds.length, 0);
        expect(sampledTokens).toBe(total);
        for (const policy of ['strict', 'realign', 'fork', 'mask'] as const) {
          const options = { rolloutId: 'r', maxRowTokens: 0, masked: false };
          const settled = settle({ ...options, segments, calls, sampledTokens: total, policy });
          expect(ledgerBalance(settled.ledger)).toBe(0);
        }
        for (const { tokenIds, reason } of segments) {
          expect([...tokenIds].filter((id, at, ids) => id === END && ids[at - 1] === END)).toEqual(
            [],
          );
          // Where the first message is another, nothing is shared with what was said before.
          const reasons = ['start', 'template', 'branch', 'history_rewritten', 'sub_agent'];
          expect(reasons).toContain(reason);
        }
        // What was sampled is only tokenised where the template itself spells it anew.
        const isRewritten = segments.some(
          ({ reason }) => reason !== 'start' && reason !== 'branch',
        );
        if (!isRewritten) expect(seen.join('')).not.toContain('§');
      }),
      { seed: 20_261_124, numRuns: 40 },
    );
  });

  test('a new turn of the user after reasoning is a new segment, or goes on as it was', async () => {
    const replies = [
      { tokenIds: [...sampled('<think>\nhm\n</think>\n\nFirst.'), END] },
      { tokenIds: [...sampled('Second.'), END] },
      { tokenIds: [...sampled('Third.'), END] },
    ];
    const play = async (policy: 'template' | 'verbatim') => {
      const { engine, session } = serve(replies, policy);
      const history: Message[] = [user('one')];
      for (const text of ['two', 'three']) {
        history.push((await complete(session, history)).message, user(text));
      }
      await complete(session, history);
      const { segments } = session.record();
      expectLog(segments, engine);
      return segments.map(({ reason, tokenIds }) => [
        reason,
        tokenizer.decode(tokenIds).includes('hm'),
      ]);
    };
    expect(await play('template')).toEqual([
      ['start', true],
      ['template', false],
    ]);
    expect(await play('verbatim')).toEqual([['start', true]]);
  });

  test('an empty think block in the prompt is rewritten by every turn, and said to be', () => {
    const options = { tokenizer, template, variables: { enable_thinking: false } };
    const { kinds } = createTemplateRenderer(options).certification;
    expect(new Set(kinds.map(({ verdict }) => verdict))).toEqual(new Set(['rewrites']));
    const verbatim = createTemplateRenderer({ ...options, historyPolicy: 'verbatim' });
    const history: Message[] = [user('u'), { role: 'assistant', content: [], toolCalls: [] }];
    const next = verbatim.extend({ lastTokenId: END, history }, [user('v')], []);
    const text = next!.map(({ tokenIds }) => tokenizer.decode(tokenIds)).join('');
    expect(text).toBe(
      '\n<|im_start|>user\nv<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
    );
  });

  test('characters tokenised over 50 turns are those of the new texts', async () => {
    const { session, seen, engine } = serve(
      Array.from({ length: 50 }, (_, at) => ({ tokenIds: [...sampled(call(`q${at}`)), END] })),
    );
    const history: Message[] = [user('Go.')];
    const added: string[] = ['Go.'];
    for (let turn = 0; turn < 50; turn++) {
      const { message } = await complete(session, history);
      const text = `result ${turn} ${'of some length '.repeat(20)}`;
      added.push(text);
      history.push(message, result(text, message.toolCalls[0]!.id));
    }
    expect(session.record().segments).toHaveLength(1);
    const prompt = tokenizer.decode(engine.calls[0]!.promptTokenIds).length;
    const scaffold =
      '\n<|im_start|>user\n<tool_response>\n\n</tool_response><|im_end|>\n<|im_start|>assistant\n';
    const fresh = prompt + added.join('').length + scaffold.length * 49;
    expect(seen.join('').length / fresh).toBeLessThan(1.05);
  });
});
