import { createHash } from 'node:crypto';
import type { Message, ToolDefinition } from '../../messages.ts';
import type { Follow, HistoryEnd } from './append-turns.ts';
import { type KindVerdict, promptText, type Verdicts } from './certification.ts';
import type { RenderedPiece } from './chat-renderer.ts';
import type { HistoryCheck } from './history-check.ts';
import { textOfRuns } from './marked-text.ts';
import { type Bridge, deriveBehind, deriveSuffix, type Suffix } from './template-bridge.ts';
import { isRefusal } from './template-writer.ts';
import { DUMMIES, kindOf, type TurnKind } from './turn-kind.ts';

export interface FollowOptions {
  readonly bridge: Bridge;
  readonly verdicts: Verdicts;
  readonly check: HistoryCheck;
  readonly historyPolicy: 'template' | 'verbatim';
}

/**
 * What follows a turn, by what the template does behind a dummy conversation where that is known to be
 * what it does behind this one; else by what it does behind this one.
 */
export function createFollow({ bridge, verdicts, check, historyPolicy }: FollowOptions): Follow {
  const isVerbatim = historyPolicy === 'verbatim';
  /** Set when a conversation that should have been like all others was not. */
  let isDoubtful = false;

  /** What was held against a conversation with these tools once; a template may look into them. */
  const isFirst = createFirsts();
  const promptOf = createPrompts(bridge);
  /** From the dummy conversation. */
  const expected = (kind: TurnKind, added: readonly Message[]): Suffix | undefined => {
    const suffix = deriveSuffix(bridge, DUMMIES[0], kind, added);
    if ('reason' in suffix) return undefined;
    // A new text can be one that the template looks for, such as a switch for thinking.
    return isVerbatim || suffix.before.startsWith(promptOf(kind)) ? suffix : undefined;
  };

  /** From the conversation itself. */
  const found = ({ messages, length }: HistoryEnd, added: readonly Message[], tools: Tools) => {
    const lead = messages.slice(0, length);
    const suffix = deriveBehind(bridge, lead, added, tools);
    if ('reason' in suffix || isVerbatim) return 'reason' in suffix ? undefined : suffix;
    const prompt = textOf(bridge, lead.slice(0, -1), tools);
    return prompt !== undefined && suffix.before.startsWith(prompt) ? suffix : undefined;
  };

  const suffixOf = (
    kind: TurnKind,
    verdict: KindVerdict,
    history: HistoryEnd,
    added: readonly Message[],
    tools: Tools,
  ) => {
    const isPlain = verdict.check === 'once' && !isDoubtful && check.isPlain(history);
    const likely = expected(kind, added);
    if (isPlain && !isDoubling(history.length, added.length) && !isFirst(kind, tools)) {
      return likely;
    }
    const { messages, length } = history;
    if (likely !== undefined) {
      const held = holds(bridge, {
        lead: messages.slice(0, length),
        added,
        tools,
        suffix: likely,
        isVerbatim,
      });
      if (held === 'yes' || (isPlain && held === 'refused')) return likely;
      if (held === 'refused') return undefined;
      if (isPlain) isDoubtful = true;
    }
    return found(history, added, tools);
  };

  return ({ lastTokenId, history }, newMessages, tools) => {
    if (history === undefined) return undefined;
    const kind = kindOf(history, newMessages, tools);
    const verdict = verdicts.of(kind);
    if (verdict === undefined || !mayFollow(verdict, history, isVerbatim)) return undefined;
    const suffix = suffixOf(kind, verdict, history, newMessages, tools);
    return suffix && closed(bridge, suffix, lastTokenId);
  };
}

type Tools = readonly ToolDefinition[];

/** Prompts of the first dummy, by what stands in them. */
function createPrompts(bridge: Bridge): (kind: TurnKind) => string {
  const known = new Map<string, string>();
  return ({ hasTools, hasSystem }) => {
    const key = `${hasTools} ${hasSystem}`;
    const prompt = known.get(key) ?? promptText(bridge, DUMMIES[0], { hasTools, hasSystem }) ?? '';
    known.set(key, prompt);
    return prompt;
  };
}

/** Whether a kind of conversation with some tools comes up for the first time. */
function createFirsts(): (kind: TurnKind, tools: Tools) => boolean {
  const seen = new Set<string>();
  const hashes = new WeakMap<Tools, string>();
  return (kind, tools) => {
    const hash =
      hashes.get(tools) ?? createHash('sha256').update(JSON.stringify(tools)).digest('base64');
    hashes.set(tools, hash);
    const key = JSON.stringify([kind, hash]);
    if (seen.has(key)) return false;
    if (seen.size >= MAX_SEEN) seen.clear();
    seen.add(key);
    return true;
  };
}

const MAX_SEEN = 1_000;

/**
 * Even where it is known what follows, it is held against renders of the whole conversation: its first
 * messages, and whenever their number doubles, so that the cost stays in proportion to it.
 */
function isDoubling(held: number, added: number): boolean {
  return held <= 4 || Math.floor(Math.log2(held - 1)) < Math.floor(Math.log2(held + added));
}

/** Whether the render of all is the prompt before the turn, the turn, its close and the suffix. */
function holds(
  bridge: Bridge,
  given: {
    readonly lead: readonly Message[];
    readonly added: readonly Message[];
    readonly tools: Tools;
    readonly suffix: Suffix;
    readonly isVerbatim: boolean;
  },
): 'yes' | 'no' | 'refused' {
  const { lead, added, tools, suffix, isVerbatim } = given;
  const prompt = textOf(bridge, lead.slice(0, -1), tools);
  const whole = textOf(bridge, [...lead, ...added], tools);
  if (prompt === undefined || whole === undefined) return 'refused';
  const tail = textOfRuns(suffix.runs);
  const turn = whole.slice(isVerbatim ? 0 : prompt.length, whole.length - tail.length);
  const close = bridge.encoder.controlsIn(turn).at(-1);
  const isWhole =
    whole.endsWith(tail) &&
    (isVerbatim || (whole.startsWith(prompt) && prompt.length + tail.length <= whole.length)) &&
    (suffix.closeId === undefined ||
      (close?.token.id === suffix.closeId && close.end === turn.length));
  return isWhole ? 'yes' : 'no';
}

/** A whole prompt; undefined where the template refuses. */
function textOf(
  { writer }: Bridge,
  messages: readonly Message[],
  tools: Tools,
): string | undefined {
  try {
    return writer.text(messages, { tools, generationPrompt: true });
  } catch (thrown) {
    if (isRefusal(thrown)) return undefined;
    throw thrown;
  }
}

/** The turn's end where it is not there yet, and the suffix. */
function closed(
  { encoder }: Bridge,
  { runs, closeId }: Suffix,
  lastTokenId: number | undefined,
): RenderedPiece[] {
  const pieces = encoder.encode(runs, { continues: true });
  if (closeId !== undefined) {
    if (lastTokenId === closeId) return pieces;
    return [{ tokenIds: Int32Array.of(closeId), origin: 'template' }, ...pieces];
  }
  // The next header ends the turn, so the model has written it already.
  const [header, ...rest] = pieces;
  if (header === undefined || header.tokenIds[0] !== lastTokenId) return pieces;
  return [{ ...header, tokenIds: header.tokenIds.subarray(1) }, ...rest];
}

function mayFollow(verdict: KindVerdict, history: HistoryEnd, isVerbatim: boolean): boolean {
  switch (verdict.verdict) {
    case 'extends':
      return isVerbatim || verdict.reasoning === 'kept' || !hasReasoning(history);
    case 'rewrites':
      return isVerbatim;
    default:
      return false;
  }
}

/** Whether a turn since the user last spoke has reasoning: before that, it has been dropped already. */
function hasReasoning({ messages, length }: HistoryEnd): boolean {
  for (let i = length - 1; i >= 0; i--) {
    const message = messages[i]!;
    if (message.role === 'user') return false;
    if (message.role === 'assistant' && message.reasoning !== undefined) return true;
  }
  return false;
}
