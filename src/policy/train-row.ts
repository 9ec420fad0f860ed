import { invalidInput } from '../errors.ts';

/** One sequence of a training step. */
export interface TrainRow {
  readonly tokenIds: Int32Array;
  /** 1 where a token is trained, else 0; as long as `tokenIds`. The first token never is. */
  readonly trained: Uint8Array;
  /** Log probabilities at sampling time, one per trained token, in order. Only `sft` does without. */
  readonly logprobs?: Float32Array;
  /** One number for the row, or one per trained token, in order. For `sft` it is the weight. */
  readonly advantage: number | Float32Array;
}

/** Counts the trained tokens of all rows. @throws invalid_input with the path of what is wrong. */
export function checkRows(
  rows: readonly TrainRow[],
  limits: {
    readonly vocabularySize: number;
    readonly contextTokens: number;
    readonly needsLogprobs: boolean;
  },
): number {
  let trainedTokens = 0;
  for (const [index, row] of rows.entries()) {
    const path = `rows[${index}]`;
    checkTokenIds(`${path}.tokenIds`, row.tokenIds, limits);
    const count = countTrained(path, row);
    trainedTokens += count;
    if (row.logprobs === undefined) {
      if (limits.needsLogprobs) throw invalidInput(`${path}.logprobs`, 'this loss needs them.');
    } else {
      checkColumn(`${path}.logprobs`, row.logprobs, count);
    }
    if (typeof row.advantage !== 'number') checkColumn(`${path}.advantage`, row.advantage, count);
    else if (!Number.isFinite(row.advantage)) {
      throw invalidInput(`${path}.advantage`, `${row.advantage} is not finite.`);
    }
  }
  if (trainedTokens === 0) {
    throw invalidInput('rows', 'no token is trained, so there is nothing to step on.', {
      reason: 'NOTHING_TRAINED',
    });
  }
  return trainedTokens;
}

/** @throws invalid_input for an id outside the vocabulary or a sequence over the context. */
export function checkTokenIds(
  field: string,
  ids: Int32Array,
  limits: { readonly vocabularySize: number; readonly contextTokens: number },
): void {
  if (ids.length === 0) throw invalidInput(field, 'is empty; at least one token is needed.');
  if (ids.length > limits.contextTokens) {
    throw invalidInput(
      field,
      `${ids.length} tokens exceed the context of ${limits.contextTokens}.`,
      {
        reason: 'CONTEXT_OVERFLOW',
      },
    );
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= limits.vocabularySize) {
      throw invalidInput(
        `${field}[${i}]`,
        `${id} is not in the vocabulary of ${limits.vocabularySize}.`,
      );
    }
  }
}

function countTrained(path: string, row: TrainRow): number {
  const { trained, tokenIds } = row;
  if (trained.length !== tokenIds.length) {
    throw invalidInput(
      `${path}.trained`,
      `expected ${tokenIds.length} marks, got ${trained.length}.`,
    );
  }
  if (trained[0] !== 0) {
    throw invalidInput(
      `${path}.trained[0]`,
      'nothing precedes the first token, so it has no loss.',
    );
  }
  let count = 0;
  for (let i = 0; i < trained.length; i++) {
    if (trained[i]! > 1) throw invalidInput(`${path}.trained[${i}]`, 'a mark is 0 or 1.');
    count += trained[i]!;
  }
  return count;
}

function checkColumn(field: string, column: Float32Array, count: number): void {
  if (column.length !== count) {
    throw invalidInput(field, `expected one per trained token (${count}), got ${column.length}.`);
  }
  const bad = column.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalidInput(`${field}[${bad}]`, `${column[bad]} is not finite.`);
}
