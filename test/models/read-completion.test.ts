import { expect, it } from 'vitest';
import { readCompletion, splitReasoning } from '../../src/models/rendering/read-completion.ts';
import { hermesParser, mistralParser, type ToolCallParser } from '../../src/parsers/index.ts';

const read = (text: string, parser: ToolCallParser) => {
  const callId = (_call: unknown, index: number) => `id_${index}`;
  return readCompletion(text, { parser, tools: [], finishReason: 'stop', callId }).message;
};

it("takes reasoning out of the think blocks of the parser's family", () => {
  const content = [{ kind: 'text', text: 'yes' }];
  expect(read('<think>\nhm\n</think>\n\nyes', hermesParser)).toMatchObject({
    reasoning: 'hm',
    content,
  });
  expect(read('[THINK]hm[/THINK]yes', mistralParser)).toMatchObject({ reasoning: 'hm', content });
  expect(read('hm[/THINK]yes', mistralParser)).toMatchObject({ reasoning: 'hm', content });
  expect(read('[THINK]hm', mistralParser)).toMatchObject({ reasoning: 'hm', content: [] });
  expect(read('[THINK]hm[/THINK]yes', hermesParser).reasoning).toBeUndefined();
});

it('takes the reasoning that the parser kept apart as it is', () => {
  const parse = () => ({
    content: '<think>',
    calls: [],
    diagnostics: [],
    reasoning: '<think>a</think>',
  });
  expect(read('x', { ...hermesParser, parse })).toMatchObject({
    reasoning: '<think>a</think>',
    content: [{ kind: 'text', text: '<think>' }],
  });
});

it('reads a text of a million lines', () => {
  const lines = '\n'.repeat(1_000_000);
  expect(splitReasoning(`<think>${lines}a${lines}b</think>c`).content).toBe('c');
});

it('says what looked like a call and is none', () => {
  const options = { parser: hermesParser, tools: [], finishReason: 'stop', callId: () => 'id' };
  const { message, callDiagnostics } = readCompletion('a <tool_call>{"name"</tool_call>', options);
  expect(message.content).toEqual([{ kind: 'text', text: 'a <tool_call>{"name"</tool_call>' }]);
  expect(callDiagnostics).toMatchObject([{ kind: 'malformed', offset: 2 }]);
  expect(readCompletion('a', options)).not.toHaveProperty('callDiagnostics');
});
