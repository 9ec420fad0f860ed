import { expect, test } from 'vitest';
import { createChatTemplate } from '../../../src/models/rendering/chat-template.ts';
import { byteRenderer, user } from './byte-model.ts';

const CLOSED =
  "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
const CONTROL = ['<|user|>', '<|assistant|>', '<|tool|>', '<|system|>', '<|end|>'];

test.each([
  ['a range of hundreds of millions', '{% for i in range(300000000) %}{% endfor %}'],
  ['a range without an end', '{{ range(0, 5, 0) }}'],
  [
    'loops in loops that do nothing',
    '{% for i in range(3000) %}{% for j in range(3000) %}{% for k in range(3000) %}{% endfor %}{% endfor %}{% endfor %}',
  ],
  [
    'loops over one list',
    '{% set a = range(3000) %}{% for i in a if true %}{% for j in a %}{% endfor %}{% endfor %}',
  ],
  [
    'a text that doubles',
    "{% set ns = namespace(s='xx') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
  ],
  [
    'a list that doubles',
    "{% set ns = namespace(s=['x']) %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
  ],
  [
    'macros that call two macros each',
    '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(100) }}',
  ],
])('a template with %s is a typed error at once', (_, source) => {
  expect(() => byteRenderer(CLOSED + source, CONTROL)).toThrow(
    expect.objectContaining({ kind: 'resource_exhausted', reason: 'TEMPLATE_TOO_COSTLY' }),
  );
});

test('a long conversation with many tools stays within the bounds', () => {
  const template = createChatTemplate({ source: CLOSED, now: new Date(0) });
  const messages = Array.from({ length: 10_000 }, () => ({ role: 'user', content: 'hi' }));
  expect(template.render({ messages })).toContain('<|user|>hi<|end|>');
  expect(byteRenderer(CLOSED, CONTROL).text([user('x'.repeat(100_000))]).length).toBeGreaterThan(
    100_000,
  );
});

test('a template may look at all later messages for each one', () => {
  const source =
    '{% for m in messages %}{% set ns = namespace(n=0) %}{% for later in messages[loop.index:] %}{% if later.role == m.role %}{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{{ ns.n }};{% endfor %}';
  const template = createChatTemplate({ source, now: new Date(0) });
  const messages = Array.from({ length: 500 }, () => ({ role: 'user', content: 'hi' }));
  expect(template.render({ messages }).split(';')).toHaveLength(501);
});
