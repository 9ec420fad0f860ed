import type { TemplatePiece } from '../../src/policy/chat-template.ts';
import { continueChatml, renderChatml } from '../../src/policy/chat-template.ts';
import type { Random } from '../../src/policy/random.ts';
import { randomInt } from '../../src/policy/random.ts';
import { specialId } from '../../src/policy/special-tokens.ts';
import { prose } from './prose.ts';
import type { ShopItem, ShopTool } from './shop-task.ts';
import {
  callArguments,
  highestValue,
  lowestValue,
  question,
  shopItems,
  shopSystemPrompts,
  shopTools,
} from './shop-task.ts';

/** How often the noisy annotator does the right thing. */
export interface Habits {
  readonly guessesAtOnce: number;
  readonly rightTool: number;
  readonly rightItem: number;
  readonly malformed: number;
  readonly copiesResult: number;
}

export const noisyHabits: Habits = {
  guessesAtOnce: 0.6,
  rightTool: 0.65,
  rightItem: 0.56,
  malformed: 0.2,
  copiesResult: 0.5,
};

export const perfectHabits: Habits = {
  guessesAtOnce: 0,
  rightTool: 1,
  rightItem: 1,
  malformed: 0,
  copiesResult: 1,
};

/** What a tool loop may say to a call that it cannot run; the exact words do not matter. */
const errorTexts = [
  'error: that call cannot be read',
  '{"error": "invalid arguments"}',
  'Error: unknown tool. Available tools: price, stock',
] as const;

/** A run of a transcript, and whether the annotator wrote it or the template and the tools did. */
export interface TranscriptPart {
  readonly pieces: readonly TemplatePiece[];
  readonly by: 'annotator' | 'other';
}

/** One transcript of an annotator with these habits; the store behind it is drawn afresh. */
export function annotate(random: Random, habits: Habits): TranscriptPart[] {
  const tool = pick(random, shopTools);
  const item = pick(random, shopItems);
  const text = question(tool, randomInt(random, tool.phrasings.length), item);
  const user = { role: 'user', content: text } as const;
  const system = { role: 'system', content: systemText(random) } as const;
  const messages = random.next() < 0.3 ? [system, user] : [user];
  const parts: TranscriptPart[] = [other(renderChatml(messages, { addGenerationPrompt: true }))];
  if (random.next() < habits.guessesAtOnce) return [...parts, answer(hedged(random))];
  const call = writeCall(random, habits, tool, item);
  parts.push({ by: 'annotator', pieces: call.pieces });
  if (call.malformed && random.next() < 0.5) return parts;
  const result = call.malformed ? pick(random, errorTexts) : anyValue(random);
  const toolMessage = { role: 'tool', content: result } as const;
  parts.push(other(continueChatml(specialId('<|im_end|>'), [toolMessage])));
  const copies = !call.malformed && random.next() < habits.copiesResult;
  return [...parts, answer(copies ? result : hedged(random))];
}

/** Half of the time some words of no consequence, so that the policy learns to look past them. */
function systemText(random: Random): string {
  if (random.next() < 0.5) return pick(random, shopSystemPrompts);
  const words = prose.trim().split(/\s+/);
  const start = randomInt(random, words.length - 12);
  return words.slice(start, start + 2 + randomInt(random, 10)).join(' ');
}

function writeCall(
  random: Random,
  habits: Habits,
  tool: ShopTool,
  item: ShopItem,
): { readonly pieces: TemplatePiece[]; readonly malformed: boolean } {
  const named = random.next() < habits.rightTool ? tool : otherThan(random, shopTools, tool);
  const asked = random.next() < habits.rightItem ? item : otherThan(random, shopItems, item);
  const close = special('<|im_end|>');
  if (random.next() >= habits.malformed) {
    const body = plain(`\n{"name": "${named.name}", "arguments": ${callArguments(asked)}}\n`);
    return {
      pieces: [special('<tool_call>'), body, special('</tool_call>'), close],
      malformed: false,
    };
  }
  const start = `\n{"name": "${named.name}", "arguments": {"item": "${asked}`;
  const bodies = [`${start}"}\n`, `${start}}}\n`, `${start}"\n`, `\n{"name": "${named.name}"}\n`];
  const pieces = [
    special('<tool_call>'),
    plain(pick(random, bodies)),
    special('</tool_call>'),
    close,
  ];
  return { pieces, malformed: true };
}

/**
 * A guess says that it is one, always with the same word. So guessing is also what the base policy
 * does greedily: it knows nothing that only has to be brought out by lowering the temperature.
 */
function hedged(random: Random): string {
  return `maybe ${anyValue(random)}`;
}

function anyValue(random: Random): string {
  return String(lowestValue + randomInt(random, highestValue - lowestValue + 1));
}

function answer(text: string): TranscriptPart {
  return { by: 'annotator', pieces: [plain(text), special('<|im_end|>')] };
}

function other(pieces: readonly TemplatePiece[]): TranscriptPart {
  return { by: 'other', pieces };
}

function plain(text: string): TemplatePiece {
  return { text, special: false };
}

function special(text: string): TemplatePiece {
  return { text, special: true };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[randomInt(random, from.length)]!;
}

function otherThan<T>(random: Random, from: readonly T[], not: T): T {
  return pick(
    random,
    from.filter((entry) => entry !== not),
  );
}
