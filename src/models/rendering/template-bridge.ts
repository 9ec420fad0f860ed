import { errorMessage } from '../../errors.ts';
import type { Message, ToolDefinition } from '../../messages.ts';
import type { RunEncoder } from './encode-runs.ts';
import { type TextRun, textOfRuns } from './marked-text.ts';
import { isRefusal, type TemplateWriter } from './template-writer.ts';
import { type Dummy, dummyLead, type TurnKind } from './turn-kind.ts';

/** What a template writes behind a turn of the model: new messages and the next generation prompt. */
export interface Suffix {
  readonly runs: readonly TextRun[];
  /** The token that ends the turn; undefined when the next header does. */
  readonly closeId: number | undefined;
  /** The text before the suffix, in the conversation that it was derived from. */
  readonly before: string;
}

/** Why there is no suffix. */
export interface NoSuffix {
  readonly kind: 'refused' | 'unknown';
  readonly reason: string;
}

export interface Bridge {
  readonly writer: TemplateWriter;
  readonly encoder: RunEncoder;
  /** Tokens that end a turn. */
  readonly stopIds: ReadonlySet<number>;
}

/**
 * Derives the suffix from two renders of a dummy conversation, with the new messages and without: what
 * stands behind the turn's end in the longer one. That end is found by counting, in text that the
 * template wrote, so no text of a message can move it.
 */
export function deriveSuffix(
  bridge: Bridge,
  dummy: Dummy,
  kind: TurnKind,
  newMessages: readonly Message[],
): Suffix | NoSuffix {
  const tools = kind.hasTools ? dummy.tools : [];
  const first = deriveBehind(bridge, dummyLead(dummy, kind, newMessages), newMessages, tools);
  if (!('reason' in first) || first.kind === 'refused' || kind.turn === 'text') return first;
  // Some templates only close a turn that says something; what follows it is the same.
  const talk = dummyLead(dummy, { ...kind, turn: 'text' }, newMessages);
  const second = deriveBehind(bridge, talk, newMessages, tools);
  return 'reason' in second ? first : second;
}

/** The same behind the messages of `lead`, which ends with the model's turn. */
export function deriveBehind(
  { writer, encoder, stopIds }: Bridge,
  lead: readonly Message[],
  newMessages: readonly Message[],
  tools: readonly ToolDefinition[],
): Suffix | NoSuffix {
  const indexOffset = lead.length;
  let shorter: TextRun[];
  let longer: TextRun[];
  try {
    shorter = writer.write(lead, { tools, generationPrompt: false, indexOffset });
    longer = writer.write([...lead, ...newMessages], {
      tools,
      generationPrompt: true,
      indexOffset,
    });
  } catch (thrown) {
    if (isRefusal(thrown)) {
      return { kind: 'refused', reason: errorMessage(thrown.cause) };
    }
    throw thrown;
  }
  const shortText = textOfRuns(shorter);
  const longText = textOfRuns(longer);
  const suffixFrom = (at: number, closeId: number | undefined): Suffix => ({
    runs: runsFrom(longer, at),
    closeId,
    before: longText.slice(0, at),
  });

  const controls = controlsOf(shorter, encoder);
  const last = controls.at(-1);
  const isClose =
    last !== undefined && stopIds.has(last.id) && shortText.slice(last.end).trim() === '';
  if (isClose) {
    if (longText.startsWith(shortText.slice(0, last.end))) return suffixFrom(last.end, last.id);
    const ordinal = controls.filter(({ id }) => id === last.id).length - 1;
    const same = controlsOf(longer, encoder).filter(({ id }) => id === last.id);
    const end = same[ordinal]?.end;
    if (end !== undefined) return suffixFrom(end, last.id);
    return { kind: 'unknown', reason: 'the turn’s end is not there once messages follow' };
  }
  if (!longText.startsWith(shortText)) {
    return { kind: 'unknown', reason: 'the turn ends with no stop token, and is written anew' };
  }
  const next = controlsOf(longer, encoder).find(({ start }) => start >= shortText.length);
  if (next?.start === shortText.length && stopIds.has(next.id)) {
    return suffixFrom(shortText.length, undefined);
  }
  return { kind: 'unknown', reason: 'no stop token stands at the turn’s end' };
}

/** Control tokens that the template itself wrote, by their places in the whole text. */
function controlsOf(runs: readonly TextRun[], encoder: RunEncoder) {
  const found: { id: number; start: number; end: number }[] = [];
  let offset = 0;
  for (const { text, owner } of runs) {
    if (owner === undefined) {
      for (const { token, start, end } of encoder.controlsIn(text)) {
        found.push({ id: token.id, start: offset + start, end: offset + end });
      }
    }
    offset += text.length;
  }
  return found;
}

function runsFrom(runs: readonly TextRun[], at: number): TextRun[] {
  const rest: TextRun[] = [];
  let offset = 0;
  for (const run of runs) {
    const skip = Math.max(0, at - offset);
    offset += run.text.length;
    if (skip < run.text.length) rest.push({ ...run, text: run.text.slice(skip) });
  }
  return rest;
}
