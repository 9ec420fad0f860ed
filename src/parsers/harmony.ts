import { harmonyRest, isPlainText, nextHarmonyMessage } from './harmony-messages.ts';
import { HarmonyStream } from './harmony-stream.ts';
import { argumentsJson } from './json-call.ts';
import { readingOf } from './reading.ts';
import { renderReadable } from './render-calls.ts';
import {
  MAX_DIAGNOSTICS,
  type ParsedCall,
  type ParsedCompletion,
  type ParseOptions,
  type ParserDiagnostic,
  type ToolCallParser,
} from './tool-call-parser.ts';

/** Between two messages. */
const NEXT = '<|start|>assistant';

/**
 * The grammar of gpt-oss: messages in channels. `analysis` is the reasoning; `final`, and `commentary`
 * that goes to nobody, is the content; what goes to a recipient is a call, whatever its channel:
 * `<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>`.
 */
export const harmonyParser: ToolCallParser = Object.freeze({
  name: 'harmony',
  thinking: [],
  parse: (text: string, options: ParseOptions) => parseHarmony(text, options).completion,
  stream: ({ tools }: Pick<ParseOptions, 'tools'>) =>
    new HarmonyStream((text, finishReason) => parseHarmony(text, { tools, finishReason })),
  renderCalls: (calls: readonly ParsedCall[], options: { tools?: ParseOptions['tools'] } = {}) =>
    renderReadable(
      calls,
      {
        render: (some) => some.map(render).join(NEXT),
        read: (text, tools) => parseHarmony(text, { tools, finishReason: 'stop' }).completion.calls,
        markers: ['<|'],
        frame: (text) => `<|channel|>commentary<|message|>${text}<|end|>`,
        between: NEXT,
      },
      options.tools,
    ),
});

/** What a text says, and what of the content stands before the first call. */
function parseHarmony(
  text: string,
  options: ParseOptions,
): { readonly completion: ParsedCompletion; readonly beforeCalls: string } {
  if (isPlainText(text)) {
    return { completion: { content: text, calls: [], diagnostics: [] }, beforeCalls: text };
  }
  const reading = readingOf(text, options);
  const pieces: string[] = [];
  const thoughts: string[] = [];
  const calls: ParsedCall[] = [];
  const diagnostics: ParserDiagnostic[] = [];
  let beforeCalls: string | undefined;
  let position = 0;
  for (;;) {
    const message = nextHarmonyMessage(reading, position);
    if (message === undefined) break;
    switch (message.kind) {
      case 'content':
        pieces.push(text.slice(message.bodyStart, message.bodyEnd));
        break;
      case 'reasoning':
        thoughts.push(text.slice(message.bodyStart, message.bodyEnd));
        break;
      case 'stray':
        pieces.push(message.text);
        break;
      case 'call':
        beforeCalls ??= joined(pieces);
        calls.push(message.call);
        break;
      case 'no_call':
        if (diagnostics.length < MAX_DIAGNOSTICS) {
          diagnostics.push({ ...message.problem, offset: position });
        }
        pieces.push(text.slice(position, message.end));
        break;
    }
    position = message.end;
  }
  pieces.push(harmonyRest(text, position));
  const content = joined(pieces);
  return {
    completion: { content, calls, diagnostics, reasoning: joined(thoughts) },
    beforeCalls: beforeCalls ?? content,
  };
}

function joined(pieces: readonly string[]): string {
  return pieces.filter((piece) => piece !== '').join('\n');
}

function render({ name, argumentsText }: ParsedCall): string {
  const header = `<|channel|>commentary to=functions.${name} <|constrain|>json`;
  return `${header}<|message|>${argumentsJson(argumentsText)}<|call|>`;
}
