// Rendering a tool rollout for Qwen3 (its own tokenizer and template): what a turn costs when only new
// messages are rendered, beside rendering the whole history every turn, and the tokenizer's own speed.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
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
const rendererOf = () => createTemplateRenderer({ tokenizer: counting, template });
const renderer = rendererOf();
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

/** New messages only; a renderer of its own, so that it remembers no text of another round. */
function incremental(turns: number): { ms: number; pieces: RenderedPiece[]; tokenised: number } {
  const fresh = rendererOf();
  const pieces: RenderedPiece[] = [];
  characters = 0;
  const start = performance.now();
  const history: Message[] = [user];
  pieces.push(...fresh.render(history, tools));
  for (let turn = 0; turn < turns; turn++) {
    history.push(replies[turn]!);
    const added = [result(turn)];
    const next = fresh.extend({ lastTokenId: sampled.at(-1)!, history }, added, tools);
    if (next === undefined) throw new Error('the rollout broke');
    pieces.push(...next);
    history.push(...added);
  }
  return { ms: performance.now() - start, pieces, tokenised: characters };
}

/** Every turn the whole history anew, template and tokenizer on all of it. */
function whole(turns: number): number {
  const start = performance.now();
  const history: Message[] = [user];
  for (let turn = 0; turn <= turns; turn++) {
    tokenizer.encode(model.renderWhole(history, tools, true), { allowSpecial: true });
    history.push(replies[turn]!, result(turn));
  }
  return performance.now() - start;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

const counts = [10, 25, 50, 100];
incremental(25);
whole(10);
const rows = counts.map((turns) => {
  const rounds = Array.from({ length: 5 }, () => incremental(turns));
  const ms = median(rounds.map((round) => round.ms));
  const wholeMs = whole(turns);
  const { pieces, tokenised } = rounds[0]!;
  return {
    turns,
    incrementalMs: round(ms, 1),
    perTurnMs: round(ms / turns, 2),
    wholeMs: round(wholeMs, 1),
    timesFaster: round(wholeMs / ms, 1),
    charactersTokenisedPerCharacterOfNewText: round(tokenised / textLength(pieces), 3),
  };
});
// One render of a history whose turns are all sampled, as a new segment begins.
const full: Message[] = [
  user,
  ...replies.slice(0, 100).flatMap((one, turn) => [one, result(turn)]),
];
const verbatimMs = medianMs(3, () => void renderer.render(full, tools, isSampled));

const DOCUMENT = 8_192;
/**
 * Medians over documents of 8 KB, each encoded once by us and once by the package itself, in turns: no
 * document finds its own words remembered.
 */
const megabytesPerSecond = (text: string) => {
  const { tokenizer: ours, encodeWhole } = loadModel('qwen3');
  const speeds = Array.from({ length: Math.floor(text.length / DOCUMENT) }, (_, at) => {
    const document = text.slice(at * DOCUMENT, (at + 1) * DOCUMENT);
    const kilobytes = Buffer.byteLength(document) / 1e3;
    const timed = (work: () => unknown): number => {
      const start = performance.now();
      work();
      return kilobytes / (performance.now() - start);
    };
    let ids: Int32Array = new Int32Array(0);
    const encodes = {
      ours: () => {
        ids = ours.encodeText(document);
      },
      package: () => encodeWhole(document),
    };
    const order = at % 2 === 0 ? (['ours', 'package'] as const) : (['package', 'ours'] as const);
    const found = { ours: 0, package: 0 };
    for (const name of order) found[name] = timed(encodes[name]);
    return { encode: found.ours, package: found.package, decode: timed(() => ours.decode(ids)) };
  });
  const encode = median(speeds.map((speed) => speed.encode));
  return {
    documents: speeds.length,
    encode: round(encode),
    decode: round(median(speeds.map((speed) => speed.decode))),
    encodeOverPackage: round(encode / median(speeds.map((speed) => speed.package))),
  };
};
const filesOf = (folder: string): string => {
  const root = path.resolve(import.meta.dirname, '..', folder);
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(md|ts)$/.test(entry.name))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
};
let state = 17;
const random = (): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return state;
};
const toolRows = Array.from(
  { length: 5_000 },
  () =>
    `{"path": "/srv/data/run-${random() % 100}/part-${random()}.parquet", "bytes": ${random()}}\n`,
).join('');

report('rendering', {
  model: 'qwen3',
  toolResultCharacters: 1_500,
  certifyMs: round(certifyMs, 1),
  rollouts: rows,
  perTurn100Over10: round(rows.at(-1)!.perTurnMs / rows[0]!.perTurnMs),
  renderOf100SampledTurnsMs: round(verbatimMs, 1),
  tokenizerMegabytesPerSecond: {
    prose: megabytesPerSecond(filesOf('docs')),
    code: megabytesPerSecond(filesOf('src/models')),
    toolText: megabytesPerSecond(toolRows),
  },
});
