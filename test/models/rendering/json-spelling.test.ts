import { describe, expect, test } from 'vitest';
import type { AssistantMessage } from '../../../src/messages.ts';
import { pythonNumber } from '../../../src/models/rendering/json-spelling.ts';
import { byteRenderer, user } from './byte-model.ts';

// Left: JSON. Right: what Python 3's json.dumps(json.loads(...)) writes, by hand.
test.each([
  ['1.0', '1.0'],
  ['1', '1'],
  ['-0', '0'],
  ['-0.0', '-0.0'],
  ['0.0', '0.0'],
  ['1e3', '1000.0'],
  ['1E+3', '1000.0'],
  ['1e16', '1e+16'],
  ['123456789012345.0', '123456789012345.0'],
  ['1e15', '1000000000000000.0'],
  ['1.5e300', '1.5e+300'],
  ['1e-7', '1e-07'],
  ['0.00001', '1e-05'],
  ['0.0001', '0.0001'],
  ['0.000123', '0.000123'],
  ['0.1', '0.1'],
  ['-12.50', '-12.5'],
  ['100.25', '100.25'],
  ['2.5e-310', '2.5e-310'],
  ['12345678901234567890', '12345678901234567890'],
  ['1e400', 'Infinity'],
  ['-1e400', '-Infinity'],
])('the number %s is %s', (json, python) => {
  expect(pythonNumber(json)).toBe(python);
});

describe('through a template', () => {
  const template =
    "{% for message in messages %}{% for call in message.tool_calls or [] %}{{ call.function.arguments | tojson }}{% for name, value in call.function.arguments | items %}[{{ name }}={{ value }}]{% endfor %}{% endfor %}{% if message.role != 'assistant' %}{{ message.content }}{% endif %}<|end|>{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}";
  const { text } = byteRenderer(template, ['<|end|>']);
  const call = (argumentsText: string) =>
    text([
      user('u'),
      {
        role: 'assistant',
        content: [],
        toolCalls: [{ id: 'c', name: 'f', argumentsText }],
      },
    ]).slice('u<|end|>'.length, -'<|end|>'.length);

  test('arguments of another author are spelled as Python spells them', () => {
    expect(call('{"b":1.0,"2":[1e3,12345678901234567890],"10":{"1":null},"a":"1.0"}')).toBe(
      '{"b": 1.0, "2": [1000.0, 12345678901234567890], "10": {"1": null}, "a": "1.0"}' +
        '[b=1.0][2=[1000.0, 12345678901234567890]][10={"1": null}][a=1.0]',
    );
  });

  test('marks that stand in the text itself are text', () => {
    const odd = '\u{10f002}1\u{10f002} \u{10f003} \u{100000} \u{10fffd}';
    expect(call(JSON.stringify({ a: odd }))).toContain(`{"a": "${odd}"}`);
    expect(text([user(odd)])).toBe(`${odd}<|end|>`);
  });

  test('what is no JSON, or nested without end, goes in as the text that it is', () => {
    const source = template.replace(/\{% for name.*?endfor %\}/, '');
    const plain = byteRenderer(source, ['<|end|>']);
    for (const odd of ['{"a": tru', '['.repeat(5_000) + ']'.repeat(5_000)]) {
      const message: AssistantMessage = {
        role: 'assistant',
        content: [],
        toolCalls: [{ id: 'c', name: 'f', argumentsText: odd }],
      };
      expect(plain.text([user('u'), message])).toBe(`u<|end|>${JSON.stringify(odd)}<|end|>`);
    }
  });

  test('schemas keep their order, their numbers and their control tokens as text', () => {
    const parameters = {
      type: 'object',
      properties: { 7: { type: 'number', minimum: 1e21, multipleOf: 0.00001 }, a: {} },
      title: '<|end|>',
    };
    expect(text([user('u')], [{ name: 'f', description: 'd', parameters }])).toBe(
      'u<|end|>[{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"7": {"type": "number", "minimum": 1e+21, "multipleOf": 1e-05}, "a": {}}, "title": "<|end|>"}}}]',
    );
  });
});
