import { type Block, blockParser, type Reading } from './grammar.ts';
import { type MemberSpan, scanJson, skipJsonSpace, type TextSpan } from './json-scanner.ts';
import { endsWithin } from './reading.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';

/**
 * The grammar of the Hermes and Qwen models:
 * `<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>`, repeatable.
 */
export const hermesParser: ToolCallParser = blockParser({
  name: 'hermes',
  openers: [OPEN],
  read: (reading, start) => readBlock(reading, start + OPEN.length),
  renderCalls: (calls) => calls.map(renderHermes).join('\n'),
});

/**
 * Reads what follows an opening tag. Broken JSON ends with its block (and a block without an end with
 * the text), so that nothing which a broken call quotes is taken for a call of its own.
 */
function readBlock({ text, finishReason, find }: Reading, bodyStart: number): Block {
  const none = (kind: 'malformed' | 'cut_off', message: string, end: number): Block => ({
    end,
    calls: [],
    problems: [{ kind, message }],
  });
  const malformed = (message: string, end: number): Block => none('malformed', message, end);
  const start = skipJsonSpace(text, bodyStart);
  if (start >= text.length) return none('cut_off', 'the text ends after the tag', text.length);
  if (text[start] !== '{') return malformed(`${OPEN} is not followed by a JSON object`, bodyStart);

  const members: MemberSpan[] = [];
  const scan = scanJson(text, start, members);
  if (scan.kind === 'incomplete') {
    return none('cut_off', 'the text ends inside the call', text.length);
  }
  if (scan.kind === 'invalid') {
    const end = Math.min(find(CLOSE, bodyStart) + CLOSE.length, text.length);
    return malformed(`no valid JSON at offset ${scan.offset}`, end);
  }

  const after = skipJsonSpace(text, scan.end);
  const closed = text.startsWith(CLOSE, after);
  const endsHere = endsWithin(text, after, CLOSE);
  if (finishReason === 'length' && (endsHere || endsWithin(text, after, OPEN))) {
    return none('cut_off', 'the call is not closed and the text was cut', text.length);
  }
  if (!closed && !endsHere && !text.startsWith(OPEN, after)) {
    return malformed(`the JSON object is followed by neither ${CLOSE} nor the end`, scan.end);
  }

  const call = readCall(text, members);
  const end = closed ? after + CLOSE.length : endsHere ? text.length : after;
  return typeof call === 'string' ? malformed(call, end) : { end, calls: [call] };
}

/** The call that an object's members say, or what is wrong with them. */
function readCall(text: string, members: readonly MemberSpan[]): ParsedCall | string {
  const spans = new Map<string, TextSpan>();
  for (const { key, value } of members) spans.set(parseSpan(text, key) as string, value);
  const nameSpan = spans.get('name');
  const name = nameSpan === undefined ? undefined : parseSpan(text, nameSpan, '"');
  if (typeof name !== 'string' || name === '') return 'the object has no "name" that is a string';
  const span = spans.get('arguments') ?? spans.get('parameters');
  // A call that says nothing of arguments takes none.
  if (span === undefined) return { name, argumentsText: '{}' };
  const decoded = parseSpan(text, span, '"');
  const verbatim = text.slice(span.start, span.end);
  return { name, argumentsText: typeof decoded === 'string' ? decoded : verbatim };
}

/** Decodes a scanned span; with `first`, only when it begins so. */
function parseSpan(text: string, span: TextSpan, first?: string): unknown {
  if (first !== undefined && text[span.start] !== first) return undefined;
  return JSON.parse(text.slice(span.start, span.end));
}

function renderHermes(call: ParsedCall): string {
  const text = call.argumentsText;
  const scan = text.startsWith('{') ? scanJson(text, 0) : undefined;
  const isObject = scan?.kind === 'complete' && scan.end === text.length;
  const argumentsJson = isObject ? text : JSON.stringify(text);
  return `${OPEN}\n{"name": ${JSON.stringify(call.name)}, "arguments": ${argumentsJson}}\n${CLOSE}`;
}
