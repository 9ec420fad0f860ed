import { expect, it } from 'vitest';
import { type AgentResult, runAgent } from '../../src/agent/index.ts';
import { type Message, textContent } from '../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { createToolRegistry, tool } from '../../src/tools/index.ts';
import { END, spiedRenderer, tokenizer } from '../models/chatml.ts';

const CONTEXT_TOKENS = 10_000;
const TURNS = 40;

async function play(listTools: boolean) {
  const { renderer } = spiedRenderer({ listTools });
  const engine = createScriptedEngine({
    replies: (_, index) => ({
      text:
        index === TURNS
          ? 'done'
          : `Turn ${index}. <tool_call>\n{"name": "read", "arguments": {"n": ${index}}}\n</tool_call>`,
    }),
    encode: (text) => tokenizer.encode(text, { allowSpecial: true }),
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const server = createManagedServer({ engine, renderer, parser: hermesParser });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 0 });
  const registry = createToolRegistry([
    tool({
      name: 'read',
      description: 'Reads.',
      parameters: { type: 'object', properties: { n: { type: 'number' } } },
      execute: ({ n }) => `Line ${n}. `.repeat(20 + ((Number(n) * 37) % 200)),
    }),
  ]);
  const messages: Message[] = [
    { role: 'system', content: textContent('Be brief.') },
    { role: 'user', content: textContent('Read it all.') },
  ];
  const result = await runAgent({
    session,
    messages,
    tools: registry.definitions,
    handler: registry.handleFunctionCall,
    rolloutId: 'r',
    state: undefined,
    maxTurns: TURNS + 1,
    contextTokens: CONTEXT_TOKENS,
  });
  return { engine, result, segments: session.record().segments };
}

function cutsOf({ turns }: AgentResult): number {
  return turns.filter(({ view }, at) => {
    const before = turns[at - 1]?.view;
    return (
      before !== undefined &&
      (view!.dropped !== before.dropped || view!.shortened !== before.shortened)
    );
  }).length;
}

it.each([false, true])(
  'a managed session is counted to the token and begins a segment only at a cut (tools listed: %s)',
  async (listTools) => {
    const { engine, result, segments } = await play(listTools);
    expect(result.stopReason).toBe('natural');
    for (const { promptTokens, view } of result.turns) {
      // A template that lists the tools in the system message saves that message's own frame.
      expect(view!.tokens - promptTokens!).toBeGreaterThanOrEqual(0);
      expect(view!.tokens - promptTokens!).toBeLessThanOrEqual(listTools ? 8 : 0);
      expect(promptTokens).toBeLessThanOrEqual(CONTEXT_TOKENS);
    }

    const cuts = cutsOf(result);
    expect(cuts).toBeGreaterThan(2);
    expect(cuts).toBeLessThan(TURNS / 2);
    expect(segments).toHaveLength(cuts + 1);
    expect(result.messagesTruncated).toBeGreaterThan(TURNS / 2);

    // Every sampled span says which message of the whole transcript it is.
    for (const segment of segments) {
      for (const { callIndex, messageIndex, origin } of segment.spans) {
        if (origin !== 'sampled') continue;
        expect(messageIndex).toBe(2 + 2 * callIndex!);
        expect(result.messages[messageIndex!]!.role).toBe('assistant');
      }
    }
    expect(engine.calls).toHaveLength(TURNS + 1);
  },
);
