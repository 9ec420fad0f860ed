import { type MemberSpan, scanJson, skipJsonSpace, type TextSpan } from './json-scanner.ts';
import {
  MAX_DIAGNOSTICS,
  type ParsedCall,
  type ParsedCompletion,
  type ParseOptions,
  type ParserDiagnostic,
  type ToolCallParser,
} from './tool-call-parser.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';
const THINK = '<think>';
const END_THINK = '</think>';

/**
 * The grammar of the Hermes and Qwen models:
 * `<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>`, repeatable.
 */
export const hermesParser: ToolCallParser = Object.freeze({
  name: 'hermes',
  parse: parseHermes,
  renderCall: renderHermes,
});

type Block =
  | { readonly kind: 'call'; readonly call: ParsedCall; readonly end: number }
  | { readonly kind: 'malformed' | 'cut_off'; readonly message: string; readonly end: number };

function parseHermes(text: string, options: ParseOptions): ParsedCompletion {
  const found: (TextSpan & { readonly call: ParsedCall })[] = [];
  const diagnostics: ParserDiagnostic[] = [];
  const report = (kind: ParserDiagnostic['kind'], offset: number, message: string): void => {
    if (diagnostics.length < MAX_DIAGNOSTICS) diagnostics.push({ kind, offset, message });
  };
  const nextOpen = nextFinder(text, OPEN);
  const nextThink = nextFinder(text, THINK);
  const nextEndThink = nextFinder(text, END_THINK);
  const nextClose = nextFinder(text, CLOSE);

  let position = 0;
  for (;;) {
    const open = nextOpen(position);
    const think = nextThink(position);
    const endThink = nextEndThink(position);
    if (endThink < open && endThink < think) {
      // Templates may open the think block in the prompt: then all that stands before its end is thought.
      for (const { start } of found)
        report('in_thinking', start, 'a call inside a think block is not run');
      found.length = 0;
      position = endThink + END_THINK.length;
    } else if (think < open) {
      const end = nextEndThink(think);
      if (open < end && open !== Number.POSITIVE_INFINITY) {
        report('in_thinking', open, 'a call inside a think block is not run');
      }
      if (end === Number.POSITIVE_INFINITY) break;
      position = end + END_THINK.length;
    } else if (open === Number.POSITIVE_INFINITY) {
      break;
    } else {
      const block = readBlock(text, open + OPEN.length, options.finishReason, nextClose);
      if (block.kind === 'call') found.push({ start: open, end: block.end, call: block.call });
      else report(block.kind, open, block.message);
      position = block.end;
    }
  }

  return {
    content: found.length === 0 ? text : textOutside(text, found),
    calls: found.map(({ call }) => call),
    diagnostics,
  };
}

/**
 * Reads what follows an opening tag. Broken JSON ends with its block (and a block without an end with
 * the text), so that nothing which a broken call quotes is taken for a call of its own.
 */
function readBlock(
  text: string,
  bodyStart: number,
  finishReason: string,
  nextClose: (from: number) => number,
): Block {
  const malformed = (message: string, end: number): Block => ({ kind: 'malformed', message, end });
  const start = skipJsonSpace(text, bodyStart);
  if (start >= text.length)
    return { kind: 'cut_off', message: 'the text ends after the tag', end: text.length };
  if (text[start] !== '{') return malformed(`${OPEN} is not followed by a JSON object`, bodyStart);

  const members: MemberSpan[] = [];
  const scan = scanJson(text, start, members);
  if (scan.kind === 'incomplete') {
    return { kind: 'cut_off', message: 'the text ends inside the call', end: text.length };
  }
  if (scan.kind === 'invalid') {
    const end = Math.min(nextClose(bodyStart) + CLOSE.length, text.length);
    return malformed(`no valid JSON at offset ${scan.offset}`, end);
  }

  const after = skipJsonSpace(text, scan.end);
  const closed = text.startsWith(CLOSE, after);
  const endsHere = CLOSE.startsWith(text.slice(after, after + CLOSE.length)) && !closed;
  if (!closed && endsHere && finishReason === 'length') {
    return {
      kind: 'cut_off',
      message: 'the call is not closed and the text was cut',
      end: text.length,
    };
  }
  if (!closed && !endsHere && !text.startsWith(OPEN, after)) {
    return malformed(`the JSON object is followed by neither ${CLOSE} nor the end`, scan.end);
  }

  const call = readCall(text, members);
  const end = closed ? after + CLOSE.length : endsHere ? text.length : after;
  return typeof call === 'string'
    ? { kind: 'malformed', message: call, end }
    : { kind: 'call', call, end };
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

/** The text around the blocks, each piece trimmed, empty ones left out, a line each. */
function textOutside(text: string, blocks: readonly TextSpan[]): string {
  const pieces: string[] = [];
  let from = 0;
  for (const block of [...blocks, { start: text.length, end: text.length }]) {
    const piece = text.slice(from, block.start).trim();
    if (piece !== '') pieces.push(piece);
    from = block.end;
  }
  return pieces.join('\n');
}

/** Finds the next `marker` at or after ever later positions; reads the text once. Infinity when none is left. */
function nextFinder(text: string, marker: string): (from: number) => number {
  let next = -1;
  return (from) => {
    if (next < from) {
      const index = text.indexOf(marker, from);
      next = index === -1 ? Number.POSITIVE_INFINITY : index;
    }
    return next;
  };
}
