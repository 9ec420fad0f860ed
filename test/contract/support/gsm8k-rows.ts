import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../../scripts/generate.ts';

/** Where the real rows are, as a user at the root of the checkout would name it. */
export const GSM8K_FILE = '../shared/data/gsm8k/test.jsonl';

/** False on a machine without the data, where nothing of this can run. */
export const hasGsm8k = existsSync(path.join(root, GSM8K_FILE));

/** A line of the file; its task's key is its place. */
export interface Gsm8kRow {
  readonly key: string;
  readonly question: string;
  readonly answer: number;
}

/** The first `count` rows, read without a line of ours: the answer is what stands behind `####`. */
export function gsm8kRows(count: number): readonly Gsm8kRow[] {
  const lines = readFileSync(path.join(root, GSM8K_FILE), 'utf8').split('\n').slice(0, count);
  return lines.map((line, index) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    const number = Number((answer.split('####')[1] ?? '').trim().replaceAll(',', ''));
    if (!Number.isFinite(number)) throw new Error(`row ${index} has no number: ${answer}`);
    return { key: String(index), question, answer: number };
  });
}

/** What a final text earns for a row, worked out anew: 1 when its last number is the answer. */
export function earned(row: Gsm8kRow, finalText: string): number {
  const last = finalText.match(/(?<![\w.])-?\d[\d,]*(?:\.\d+)?/g)?.at(-1);
  return last !== undefined && Number(last.replaceAll(',', '')) === row.answer ? 1 : 0;
}
