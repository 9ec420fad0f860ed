import { expect, test } from 'vitest';
import { sessionCallIds } from '../../../src/models/managed/call-ids.ts';
import { readCompletion } from '../../../src/models/rendering/read-completion.ts';
import {
  hermesParser,
  kimiK2Parser,
  mistralParser,
  type ToolCallParser,
} from '../../../src/parsers/index.ts';

const look = { name: 'look', argumentsText: '{}' };

/** The ids of two completions with two calls each, written as the family writes calls. */
function idsOf(parser: ToolCallParser, rolloutId: string): readonly string[] {
  const ids = sessionCallIds(parser, rolloutId);
  return [0, 1].flatMap((callIndex) =>
    readCompletion(parser.renderCalls([look, look]), {
      parser,
      tools: [],
      finishReason: 'stop',
      callId: ids(callIndex),
    }).message.toolCalls.map(({ id }) => id),
  );
}

test('are numbered by model call and place where any id will do', () => {
  expect(idsOf(hermesParser, 'r')).toEqual(['call_0_0', 'call_0_1', 'call_1_0', 'call_1_1']);
});

test('are as the family’s templates want them, and the same for the same rollout', () => {
  const ids = idsOf(mistralParser, 'r');
  expect(new Set(ids).size).toBe(4);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9]{9}$/);
  expect(idsOf(mistralParser, 'r')).toEqual(ids);
  expect(idsOf(mistralParser, 'other')).not.toEqual(ids);
});

test('are the model’s own where it wrote some', () => {
  const own = { ...look, id: 'functions.look:7' };
  const { message } = readCompletion(kimiK2Parser.renderCalls([own]), {
    parser: kimiK2Parser,
    tools: [],
    finishReason: 'stop',
    callId: sessionCallIds(kimiK2Parser, 'r')(0),
  });
  expect(message.toolCalls).toMatchObject([own]);
});
