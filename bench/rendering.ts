// Rendering a tool rollout for Qwen3 (its own tokenizer and template): what a turn costs when only new
// messages are rendered, beside rendering the whole history every turn, and the tokenizer's own speed.

import { ensureTokenizers } from '../scripts/tokenizers.ts';
import type { AssistantMessage, Message, ToolDefinition } from '../src/messages.ts';
import { textContent } from '../src/messages.ts';
import { createTemplateRenderer, type RenderedPiece } from '../src/models/index.ts';
import { loadModel } from '../test/tokenizers/models.ts';
import { medianMs, report, round } from './support/report.ts';

const { skipped } = ensureTokenizers();
if (skipped !== undefined) throw new Error(skipped);

const tools: ToolDefinition[] = Array.from({ length: 4 }, (_, at) => ({
  name: `tool_${at}`,
  description: `Does the work of tool number ${at}, and says what came of it.`,
  parameters: {
    type: 'object',
    properties: { query: { type: 'string', description: 'What to ask.' } },
    required: ['query'],
  },
}));
const prose =
  'The tide tables for the northern harbour were printed on thin paper, and nobody had corrected them since spring. ';
const code = 'for (const [index, row] of rows.entries()) {\n  if (row.length === 0) continue;\n}\n';
const toolText = '{"path": "/srv/data/run-17/part-00042.parquet", "bytes": 18204711, "ok": true}\n';
const filled = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

const model = loadModel('qwen3');
const { tokenizer, template } = model;
let characters = 0;
const counting = {
  ...tokenizer,
  encodeText(text: string, options?: { readonly continues?: boolean }) {
    characters += text.length;
    return tokenizer.encodeText(text, options);
  },
};
const renderer = createTemplateRenderer({ tokenizer: counting, template });
const certifyMs = medianMs(5, () => void createTemplateRenderer({ tokenizer, template }));

const user: Message = { role: 'user', content: textContent('Find the largest part of run 17.') };
const reply = (turn: number): AssistantMessage => ({
  role: 'assistant',
  content: [],
  toolCalls: [{ id: `call${turn}`, name: 'tool_0', argumentsText: `{"query": "part ${turn}"}` }],
});
const result = (turn: number): Message => ({
  role: 'tool',
  content: textContent(`${turn} ${filled(toolText, 1_500)}`),
  toolCallId: `call${turn}`,
  toolName: 'tool_0',
});
const sampled = Int32Array.of(
  ...tokenizer.encode(
    '<tool_call>\n{"name": "tool_0", "arguments": {"query": "part"}}\n</tool_call>',
    {
      allowSpecial: true,
    },
  ),
  renderer.stopTokenIds[0]!,
);
const replies = Array.from({ length: 101 }, (_, turn) => reply(turn));
const isSampled = (message: AssistantMessage) =>
  message.toolCalls.length > 0 ? sampled : undefined;

const textLength = (pieces: readonly RenderedPiece[]): number =>
  pieces
    .filter(({ verbatim }) => verbatim !== true)
    .reduce((sum, { tokenIds }) => sum + tokenizer.decode(tokenIds).length, 0);

function incremental(turns: number, pieces: RenderedPiece[] = []): void {
  const history: Message[] = [user];
  pieces.push(...renderer.render(history, tools));
  for (let turn = 0; turn < turns; turn++) {
    history.push(replies[turn]!);
    const added = [result(turn)];
    const next = renderer.extend({ lastTokenId: sampled.at(-1)!, history }, added, tools);
    if (next === undefined) throw new Error('the rollout broke');
    pieces.push(...next);
    history.push(...added);
  }
}

/** Every turn the whole history anew, as text. */
function whole(turns: number): void {
  const history: Message[] = [user];
  renderer.render(history, tools);
  for (let turn = 0; turn < turns; turn++) {
    history.push(replies[turn]!, result(turn));
    renderer.render(history, tools);
  }
}

const counts = [10, 25, 50, 100];
const rows = counts.map((turns) => {
  const pieces: RenderedPiece[] = [];
  characters = 0;
  incremental(turns, pieces);
  const tokenised = characters;
  const incrementalMs = medianMs(3, () => incremental(turns));
  const wholeMs = medianMs(1, () => whole(turns));
  return {
    turns,
    incrementalMs: round(incrementalMs, 1),
    perTurnMs: round(incrementalMs / turns, 2),
    wholeMs: round(wholeMs, 1),
    timesFaster: round(wholeMs / incrementalMs, 1),
    charactersTokenisedPerCharacterOfNewText: round(tokenised / textLength(pieces), 3),
  };
});
// One render of a history whose turns are all sampled, as a new segment begins.
const full: Message[] = [
  user,
  ...replies.slice(0, 100).flatMap((one, turn) => [one, result(turn)]),
];
const verbatimMs = medianMs(3, () => void renderer.render(full, tools, isSampled));

const megabytesPerSecond = (unit: string) => {
  const text = filled(unit, 8_192);
  const ids = tokenizer.encodeText(text);
  const bytes = Buffer.byteLength(text);
  return {
    encode: round(bytes / 1e3 / medianMs(15, () => void tokenizer.encodeText(text))),
    decode: round(bytes / 1e3 / medianMs(15, () => void tokenizer.decode(ids))),
  };
};

report('rendering', {
  model: 'qwen3',
  toolResultCharacters: 1_500,
  certifyMs: round(certifyMs, 1),
  rollouts: rows,
  perTurn100Over10: round(rows.at(-1)!.perTurnMs / rows[0]!.perTurnMs),
  renderOf100SampledTurnsMs: round(verbatimMs, 1),
  tokenizerMegabytesPerSecond: {
    prose: megabytesPerSecond(prose),
    code: megabytesPerSecond(code),
    toolText: megabytesPerSecond(toolText),
  },
});
