import { describe, expect, test } from 'vitest';
import { byteRenderer, user } from './byte-model.ts';

const CONTROL = ['<|user|>', '<|assistant|>', '<|end|>', '<|short|>'];
const writes = (expression: string) =>
  byteRenderer(
    `{%- for m in messages -%}{{- '<|user|>' -}}${expression}{{- '<|end|>' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}`,
    CONTROL,
  );

/** Texts travel through a template between marks; what it makes of them must be what it makes without. */
describe('a template that looks into a text finds the text, not its marks', () => {
  test.each([
    ['length', '{{- m.content | length -}}', 'abc', '3'],
    ['a comparison', "{%- if m.content == 'abc' -%}E{%- endif -%}{{- m.content -}}", 'abc', 'Eabc'],
    [
      'a start',
      "{%- if m.content.startswith('a') -%}S{%- endif -%}{{- m.content -}}",
      'abc',
      'Sabc',
    ],
    ['a slice', '{{- m.content[:3] -}}', 'abcd', 'abc'],
    ['a reversal', '{{- m.content[::-1] -}}', 'abc', 'cba'],
    ['a letter', '{{- m.content[0] -}}', 'abc', 'a'],
    ['JSON in ASCII', '{{- m.content | tojson(ensure_ascii=true) -}}', 'aé', '"a\\u00e9"'],
    [
      'JSON in ASCII of private letters',
      '{{- m.content | tojson(ensure_ascii=true) -}}',
      'a\u{10f000}b',
      '"a\\udbfc\\udc00b"',
    ],
    [
      'JSON in ASCII of what spells escaped marks',
      '{{- m.content | tojson(ensure_ascii=true) + m.content -}}',
      'a\\udbfc\\udc00b',
      '"a\\\\udbfc\\\\udc00b"a\\udbfc\\udc00b',
    ],
  ])('%s', (_, expression, given, expected) => {
    expect(writes(expression).text([user(given)])).toBe(`<|user|>${expected}<|end|><|assistant|>`);
  });

  test('its origins are known where marks did not matter, and coarse where they did', () => {
    const prompts = (given: string): number =>
      writes("{%- if m.content.startswith('a') -%}S{%- endif -%}{{- m.content -}}")
        .renderer.render([user(given)], [])
        .filter(({ origin }) => origin === 'prompt').length;
    expect(prompts('xyz')).toBe(1);
    expect(prompts('abc')).toBe(0);
  });

  test('and never a control token in it', () => {
    const one = writes("{{- m.content[:30] | replace('CUT', '') -}}");
    const controls = (given: string): number =>
      one.renderer
        .render([user(given)], [])
        .flatMap(({ tokenIds }) => [...tokenIds])
        .filter((id) => one.tokenizer.controlTokens.some((token) => token.id === id)).length;
    const long = 'x'.repeat(40);
    expect(controls(`a<|end|>b${long}`)).toBe(3);
    expect(() => controls(`<|eCUTnd|>${long}`)).toThrow(
      expect.objectContaining({ kind: 'invalid_input', reason: 'AMBIGUOUS_CONTROL_TOKEN' }),
    );
  });

  test('while one that the template adds for a text is its own', () => {
    const one = writes(
      "{%- if m.content | length < 5 -%}{{- '<|short|>' -}}{%- endif -%}{{- m.content -}}",
    );
    expect(one.text([user('abc')])).toBe('<|user|><|short|>abc<|end|><|assistant|>');
    const ids = one.renderer.render([user('a<b')], []).flatMap(({ tokenIds }) => [...tokenIds]);
    expect(ids).toContain(one.tokenizer.idOf('<|short|>'));
  });
});
