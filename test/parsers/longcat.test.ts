import { describe } from 'vitest';
import { longcatParser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: the model cards of LongCat-Flash-Chat and -Thinking ("tool_description"); think tags as
// vLLM's LongcatReasoningParser has them.
const call = (body: string) => `<longcat_tool_call>\n${body}\n</longcat_tool_call>`;
const f = call('{"name": "f", "arguments": {"a": 1}}');
const F = { name: 'f', argumentsText: '{"a": 1}' };

describe('longcat', () => {
  itReads(longcatParser, [
    ['a call', `Hm. ${f}`, [F], 'Hm.'],
    ['calls side by side', f + f, [F, F], ''],
    ['a call on one line', f.replaceAll('\n', ''), [F], ''],
    ['string arguments untouched', call('{"name": "f", "arguments": "{\\"a\\": 1}"}'), [F], ''],
    ['no call of Hermes', f.replaceAll('longcat_', ''), [], f.replaceAll('longcat_', '')],
    [
      'the good call beside a malformed one',
      call('{"name": }') + f,
      [F],
      call('{"name": }'),
      ['malformed'],
    ],
    [
      'no call in plain think tags',
      `<think>${f}</think>`,
      [],
      `<think>${f}</think>`,
      ['in_thinking'],
    ],
  ]);
  describeLaws(longcatParser, {
    canonical: [f, f + call('{"name": "g", "arguments": {}}')],
    shards: ['<longcat_tool_call>', '</longcat_tool_call>', '<longcat_', '<tool_call>'],
    think: ['<longcat_think>', '</longcat_think>'],
  });
});
