import { describe, expect, it } from 'vitest';
import { llama3JsonParser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: the templates of Llama 3.1 and 3.2 ("parameters", `<|python_tag|>` before what is run at
// once, `<|eom_id|>` or `<|eot_id|>` behind); `; ` between calls as vLLM's llama_tool_parser.py splits
// them at 500932bbc320fe504bf7d323283e708fd956a549.
const f = '{"name": "f", "parameters": {"a": 1}}';
const g = '{"name": "g", "parameters": {}}';
const F = { name: 'f', argumentsText: '{"a": 1}' };
const G = { name: 'g', argumentsText: '{}' };
const none = (name: string, text: string, kinds: string[] = [], finishReason = 'stop') =>
  [name, text, [], text, kinds, finishReason] as const;

describe('llama3_json', () => {
  itReads(llama3JsonParser, [
    ['a call', f, [F], ''],
    ['a call with white space around', `\n\n ${f}\n`, [F], ''],
    ['`arguments` for `parameters`', f.replace('parameters', 'arguments'), [F], ''],
    ['other keys beside', `{"type": "function", "name": "g", "parameters": {}}`, [G], ''],
    ['string arguments untouched', '{"name": "f", "parameters": "{\\"a\\": 1}"}', [F], ''],
    ['calls with semicolons', `${f}; ${g};${f}`, [F, G, F], ''],
    ['adjacent calls', `${f}${g}`, [F, G], ''],
    ['calls on lines of their own', `${f}\n${g}\n`, [F, G], ''],
    ['the tag', `<|python_tag|>${f}`, [F], ''],
    ['the tag behind prose', `I look. <|python_tag|>${f}; ${g}`, [F, G], 'I look.'],
    ['prose behind a tagged call', `<|python_tag|>${f} Wait.`, [F], 'Wait.'],
    ['the end of the message', `${f}<|eom_id|>`, [F], ''],
    ['a call behind thinking', `<think>hm</think>\n${f}`, [F], '<think>hm</think>'],
    ['the good call beside a malformed one', `${f}; {"name": }`, [F], '{"name": }', ['malformed']],
    ['the good call beside one with prose behind', `${f}; ${g} so`, [F], `${g} so`, ['malformed']],
    ['the good call beside another object', `${f}; {"x": 1}`, [F], '{"x": 1}', ['malformed']],
    ['a semicolon at the end', `${f}; `, [F], ''],
    ['whole calls of a cut text', `${f}; {"na`, [F], '{"na', ['cut_off'], 'length'],
    none('an answer in JSON as content', '{"answer": 42}'),
    none('an answer with a name as content', '{"name": "Ada", "age": 36}'),
    none('an object in prose as content', `To call it, write ${f}`),
    none('an object in a code fence as content', `\`\`\`json\n${f}\n\`\`\``),
    none('an object before prose as content', `${f} is what I would say.`, ['malformed']),
    none('braces that are no JSON as content', `{curly} ${f}`, ['malformed']),
    none('broken JSON as content', `{"name": "w", "parameters": {"a": "${f}"}}`, ['malformed']),
    none('the built-in tools of the tag as content', '<|python_tag|>search.call(query="x")', [
      'malformed',
    ]),
    none(
      'no tag that a broken call quotes',
      `{"name": "w", "parameters": {"a": "<|python_tag|>${f}"}}`,
      ['malformed'],
    ),
    none(
      'no tag that a broken call quotes behind where it broke',
      `{"name": "w", "parameters": {"a": "say "x" <|python_tag|>${f}"}}`,
      ['malformed'],
    ),
    none('no call of a cut text', f.slice(0, -1), ['cut_off'], 'length'),
    none('no call that the text was cut behind', f, ['cut_off'], 'length'),
    none('no call that ends too early', f.slice(0, -1), ['cut_off']),
  ]);
  it('tells an answer that begins with a brace as it comes', () => {
    const stream = llama3JsonParser.stream({ tools: [] });
    expect(stream.push('{')).toBe('');
    expect(stream.push('curly} ')).toBe('{curly} ');
    expect(stream.push(`and ${f}`)).toBe(`and ${f}`);
    const answer = llama3JsonParser.stream({ tools: [] });
    expect(answer.push('{"answer": 42} ')).toBe('{"answer": 42} ');
    expect(answer.push(f)).toBe(f);
  });

  describeLaws(llama3JsonParser, {
    canonical: [f, `${f}; ${g}`],
    shards: ['<|python_tag|>', '<|python', '<|eot_id|>', '; ', f, g, ' and '],
  });
});
