import { describe } from 'vitest';
import { internlmParser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: vLLM at 00c5da26a4089ec98a41a1b5145b46df21bcb0fd, internlm2_tool_parser.py (no space between
// the two markers), SGLang at 0c50dc90ffc698db3d8b9f7a06e69145602430e8, internlm_detector.py (a space).
const call = (body: string) => `<|action_start|><|plugin|>\n${body}<|action_end|>`;
const f = call('{"name": "f", "parameters": {"a": 1}}');
const F = { name: 'f', argumentsText: '{"a": 1}' };
const code = '<|action_start|><|interpreter|>\n1 + 1<|action_end|>';

describe('internlm', () => {
  itReads(internlmParser, [
    ['a call', `Hm. ${f}`, [F], 'Hm.'],
    ['a call with a space between its markers', f.replace('><', '> <'), [F], ''],
    ['`arguments` for `parameters`', f.replace('parameters', 'arguments'), [F], ''],
    ['two calls', `${f}\n${f}`, [F, F], ''],
    ['string arguments untouched', call('{"name": "f", "parameters": "{\\"a\\": 1}"}'), [F], ''],
    ['an unclosed call', f.replace('<|action_end|>', ''), [F], ''],
    ['the good call beside a malformed one', call('{') + f, [F], call('{'), ['malformed']],
    ['code for its interpreter as content', code, [], code],
  ]);
  describeLaws(internlmParser, {
    canonical: [f, `${f}\n${call('{"name": "g", "parameters": {}}')}`],
    shards: ['<|action_start|><|plugin|>', '<|action_start|> ', '<|plugin|>', '<|action_end|>'],
  });
});
