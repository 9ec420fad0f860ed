import { Template } from '@huggingface/jinja';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AssistantMessage, Message, ToolDefinition } from '../../../src/messages.ts';
import { textContent, textOf } from '../../../src/messages.ts';
import type { TemplateRenderer } from '../../../src/models/index.ts';
import { byteRenderer, toolResult, user } from './byte-model.ts';

const CONTROL = ['<|im_start|>', '<|im_end|>', '[INST]', '[/INST]', '</s>'];
const chatml = (prompt: string, head = '') =>
  `${head}{%- for m in messages -%}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}${prompt}{%- endif -%}`;

/** Templates whose prompts depend on something that stands far before, each in a way that models have. */
const templates: Readonly<Record<string, string>> = {
  'appends everything': chatml(''),
  // As SmolLM3 does.
  'has a switch in the system message': chatml(
    "{%- if messages[0].role == 'system' and '/quiet' in messages[0].content -%}{{- '<think>\\n\\n</think>\\n' -}}{%- endif -%}",
  ),
  'has a switch in any message': chatml(
    "{{- '<off>' if ns.off else '' -}}",
    "{%- set ns = namespace(off=false) -%}{%- for m in messages -%}{%- if '/quiet' in m.content -%}{%- set ns.off = true -%}{%- endif -%}{%- endfor -%}",
  ),
  'has a switch whose word is in a variable': chatml(
    "{{- '<off>' if ns.off else '' -}}",
    "{%- set word = 'quiet' -%}{%- set ns = namespace(off=false) -%}{%- for m in messages -%}{%- if m.content.startswith(word) -%}{%- set ns.off = true -%}{%- endif -%}{%- endfor -%}",
  ),
  'looks for a whole text': chatml(
    "{{- '<off>' if messages | selectattr('content', 'equalto', '/quiet') | list | length > 0 else '' -}}",
  ),
  'looks at the length of a text': chatml(
    "{%- if messages[0].content | length > 8 -%}{{- 'L' -}}{%- endif -%}",
  ),
  // As Mistral 7B v0.3 and Nemo do.
  'puts the system message before the last user message':
    "{%- if messages[0].role == 'system' -%}{%- set system = messages[0].content -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set rest = messages -%}{%- endif -%}{%- for m in rest -%}{%- if m.role == 'user' -%}{%- if loop.last and system is defined -%}{{- '[INST]' + system + '\\n\\n' + m.content + '[/INST]' -}}{%- else -%}{{- '[INST]' + m.content + '[/INST]' -}}{%- endif -%}{%- else -%}{{- m.content + '<|im_end|>' -}}{%- endif -%}{%- endfor -%}",
  'counts messages': chatml("{%- if messages | length > 6 -%}{{- 'R' -}}{%- endif -%}"),
  'counts what the user said': chatml(
    "{%- if messages | selectattr('role', 'equalto', 'user') | list | length == 3 -%}{{- 'R' -}}{%- endif -%}",
  ),
  'counts in pairs': chatml("{%- if messages | length % 4 == 1 -%}{{- 'R' -}}{%- endif -%}"),
  'says otherwise once a tool has spoken': chatml(
    "{%- if messages | selectattr('role', 'equalto', 'tool') | list -%}{{- 'R' -}}{%- endif -%}",
  ),
  'looks for a tool': chatml(
    "{%- if tools and tools[0].function.name == 'search' -%}{{- 'S' -}}{%- endif -%}",
  ),
};

const tools: readonly (readonly ToolDefinition[])[] = [
  [],
  ['f', 'search'].map((name) => ({ name, description: 'd', parameters: { type: 'object' } })),
  [{ name: 'search', description: 'd', parameters: { type: 'object' } }],
];
const words = ['hi', 'go on', '/quiet', 'be /quiet please', 'quiet', 'some more words'];
const word = fc.constantFrom(...words);
const round = fc.record({ says: word, next: word, calls: fc.boolean() });

const reply = (text: string, calls: boolean): AssistantMessage => ({
  role: 'assistant',
  content: textContent(text),
  toolCalls: calls ? [{ id: 'c', name: 'f', argumentsText: '{}' }] : [],
});

/** What the template writes, by the package alone. */
function truth(source: string, messages: readonly Message[], given: readonly ToolDefinition[]) {
  return new Template(source).render({
    messages: messages.map((message) => ({ role: message.role, content: textOf(message) })),
    tools: given.length === 0 ? null : given.map((one) => ({ type: 'function', function: one })),
    add_generation_prompt: true,
  });
}

const says = (renderer: TemplateRenderer, pieces: ReturnType<TemplateRenderer['render']>): string =>
  pieces.map(({ tokenIds }) => renderer.decode(tokenIds)).join('');

describe.each(Object.entries(templates))('a template that %s', (name, source) => {
  test('is never given a prompt that it would not write', () => {
    const { renderer, tokenizer } = byteRenderer(source, CONTROL, { eos: '<|im_end|>' });
    const close = tokenizer.idOf('<|im_end|>')!;
    let extended = 0;
    fc.assert(
      fc.property(
        fc.option(word, { nil: undefined }),
        word,
        fc.array(round, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...tools),
        fc.nat(3),
        (system, first, rounds, offered, foreign) => {
          let messages: Message[] = [user(first)];
          if (system !== undefined) {
            messages.unshift({ role: 'system', content: textContent(system) });
          }
          let text = says(renderer, renderer.render(messages, offered));
          for (const [at, { says: said, next, calls }] of rounds.entries()) {
            const history = [...messages, reply(said, calls)];
            const added = [calls ? toolResult(next) : user(next)];
            messages = [...history, ...added];
            const expected = truth(source, messages, offered);
            // A conversation may come with turns that somebody else took.
            const pieces =
              at < foreign
                ? undefined
                : renderer.extend({ lastTokenId: close, history }, added, offered);
            if (pieces === undefined) text = says(renderer, renderer.render(messages, offered));
            else {
              extended += 1;
              text = `${text}${said}<|im_end|>${says(renderer, pieces)}`;
            }
            expect(text).toBe(expected);
          }
        },
      ),
      { seed: 20_261_124, numRuns: 60 },
    );
    // Where that is all the same it goes on, so this is no proof of nothing.
    if (name === 'looks at the length of a text') expect(extended).toBe(0);
    else expect(extended).toBeGreaterThan(10);
  });
});

/** A second line of defence finds most of what this overlooks, so it is looked at by itself. */
describe('what a template can tell apart', () => {
  const check = (condition: string, variables = {}) => {
    const source = chatml(`{%- if ${condition} -%}{{- 'R' -}}{%- endif -%}`);
    const { renderer } = byteRenderer(source, CONTROL, { eos: '<|im_end|>', variables });
    return renderer.certification.kinds.some((kind) => kind.check === 'once') ? 'once' : 'each';
  };
  test.each([
    'messages[0].role == "tool"',
    '"/x" in messages[0].content',
    'messages[0].content.startswith("x y")',
    'messages[-1].content | trim == "no"',
    'messages[0].content | trim | length == 0',
    'messages[0].content.split("</x>")[0] == "no"',
  ])('%s: nothing, of plain texts', (condition) => {
    expect(check(condition)).toBe('once');
  });

  test.each([
    'false and messages | length > 6',
    'false and messages | length > 2 * 2',
    'false and messages | length > "6" | int',
    'messages[0].content | length > 900',
    'messages[0].content[0] == "!"',
    'messages[0].content[1:] == "!"',
    'messages[0].content.split() == "!"',
    'messages[0].content == messages[-1].content and false',
    'messages[0].content in messages[-1].content and false',
    '"\\n\\n" in messages[0].content',
  ])('%s: more than words', (condition) => {
    expect(check(condition)).toBe('each');
  });

  test('a number among the variables may be one to count to', () => {
    expect(check('false and messages | length > many')).toBe('once');
    expect(check('false and messages | length > many', { many: 6 })).toBe('each');
  });
});

test('a long conversation that comes with a switch in it is seen to have one', () => {
  const source = templates['has a switch in any message']!;
  const { renderer, tokenizer } = byteRenderer(source, CONTROL, { eos: '<|im_end|>' });
  const lastTokenId = tokenizer.idOf('<|im_end|>')!;
  const extend = (first: string, rounds: number) => {
    const history = Array.from({ length: rounds }, (_, at) => [
      user(at === 0 ? first : 'hi'),
      reply('yes', false),
    ]).flat();
    return renderer.extend({ lastTokenId, history }, [user('go on')], []);
  };
  expect(extend('hi', 1)).toBeDefined();
  expect(extend('hi', 6)).toBeDefined();
  expect(extend('be /quiet', 6)).toBeUndefined();
});

test('a template that can’t tell conversations apart is held against the whole once, others each time', () => {
  const checks = (source: string) =>
    new Set(
      byteRenderer(source, CONTROL, { eos: '<|im_end|>' }).renderer.certification.kinds.map(
        ({ check }) => check,
      ),
    );
  expect(checks(templates['appends everything']!)).toEqual(new Set(['once']));
  expect(checks(templates['has a switch in any message']!)).toEqual(new Set(['once']));
  expect(checks(templates['looks at the length of a text']!)).toEqual(new Set(['each']));
  expect(checks(templates['counts messages']!)).toEqual(new Set(['each']));
});
