import { expect, test } from 'vitest';
import type { AssistantMessage, Message } from '../../../src/messages.ts';
import { textContent } from '../../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../../src/models/index.ts';
import { settle, type TrainingPolicy } from '../../../src/tokens/index.ts';
import { byteRenderer, user } from '../rendering/byte-model.ts';

/** ChatML, with what the generation prompt has behind the header; history has it not. */
const template = (opened: string): string =>
  [
    '{%- for m in messages -%}',
    "{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' -}}",
    '{%- endfor -%}',
    `{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n${opened}' -}}{%- endif -%}`,
  ].join('');

/** Two turns; the first answer, of 6 letters and the end, comes back with its last letter altered. */
async function play(opened: string) {
  const control = ['<|im_start|>', '<|im_end|>', '<think>', '</think>'];
  const { renderer, tokenizer } = byteRenderer(template(opened), control, { eos: '<|im_end|>' });
  const sampled = (text: string) => [...tokenizer.encodeText(text), tokenizer.idOf('<|im_end|>')!];
  const engine = createScriptedEngine({
    replies: [{ tokenIds: sampled('abcdef') }, { tokenIds: sampled('xyz') }],
    description: { vocabularySize: renderer.vocabularySize },
  });
  const session = createManagedServer({ engine, renderer }).openSession({
    rolloutId: 'r',
    announcedVersion: () => 1,
  });
  const { signal } = new AbortController();
  const ask = async (messages: readonly Message[]) =>
    (await session.complete({ messages, tools: [], sampling: {} }, { signal })).message;
  const first = await ask([user('hi')]);
  const altered: AssistantMessage = { ...first, content: textContent('abcdeX') };
  await ask([user('hi'), altered, user('more')]);
  const { segments, calls, sampledTokens = 0 } = session.record();
  expect(calls[1]).toMatchObject({
    continues: -1,
    alters: { callIndex: 0, commonTokens: 5 },
  });
  return (policy: TrainingPolicy) =>
    settle({
      ...{ rolloutId: 'r', segments, calls, sampledTokens, policy },
      ...{ maxRowTokens: 0, masked: false },
    }).ledger;
}

test.each([
  ['history has too', ''],
  ['opens a think block', '<think>\\n'],
  ['has an empty think block', '<think>\\n\\n</think>\\n\\n'],
])('an altered answer is told where the generation prompt %s', async (_, opened) => {
  const ledger = await play(opened);
  expect(ledger('strict')).toMatchObject({ sampled: 11, trained: 4, droppedBranch: 7 });
  expect(ledger('realign')).toMatchObject({ sampled: 11, trained: 9, realignedDrift: 2 });
  expect(ledger('fork')).toMatchObject({ sampled: 11, trained: 11 });
  expect(ledger('mask')).toMatchObject({ sampled: 11, trained: 0, maskedByFailure: 11 });
});
