import { invalidInput } from '../errors.ts';
import { assertFinite } from '../wire/index.ts';
import type { Column, ColumnType, TokenSequence } from './segment.ts';
import { sampledLength, spansLength } from './spans.ts';

/**
 * Checks that the columns of a sequence agree with each other: spans tile the tokens, version runs
 * and logprobs tile the sampled ones, ids are no less than 0, numbers are finite. Throws
 * `invalid_input` with the path of the field that is wrong.
 */
export function validateSequence(sequence: TokenSequence, path: string): void {
  const tokens = sequence.tokenIds.length;
  if (tokens === 0) throw invalidInput(`${path}.token_ids`, 'is empty.');
  for (let i = 0; i < tokens; i++) {
    if ((sequence.tokenIds[i] as number) < 0) {
      throw invalidInput(
        `${path}.token_ids[${i}]`,
        `is ${sequence.tokenIds[i]}; ids are 0 or more.`,
      );
    }
  }
  sequence.spans.forEach((span, i) => {
    const at = `${path}.spans[${i}]`;
    if (!Number.isInteger(span.length) || span.length < 1) {
      throw invalidInput(`${at}.length`, `is ${span.length}; a span has at least 1 token.`);
    }
    if ((span.origin === 'sampled') !== (span.loss !== 'not_sampled')) {
      throw invalidInput(`${at}.loss`, `is ${span.loss} on a span of origin ${span.origin}.`, {
        remedy: 'Sampled spans have a loss state of their own; all others are NOT_SAMPLED.',
      });
    }
  });
  const spanned = spansLength(sequence.spans);
  if (spanned !== tokens) {
    throw invalidInput(`${path}.spans`, `cover ${spanned} tokens of ${tokens}.`, {
      reason: 'TOKEN_COLUMN_LENGTH',
    });
  }
  const sampled = sampledLength(sequence.spans);
  if (sequence.logprobs !== undefined) {
    if (sequence.logprobs.length !== sampled) {
      throw invalidInput(
        `${path}.logprobs`,
        `has ${sequence.logprobs.length} entries for ${sampled} sampled tokens.`,
        { reason: 'TOKEN_COLUMN_LENGTH', remedy: 'Give one for every sampled token, or none.' },
      );
    }
    assertFinite(sequence.logprobs, `${path}.logprobs`);
  }
  let versioned = 0;
  sequence.policyVersions.forEach((run, i) => {
    if (!Number.isInteger(run.length) || run.length < 1) {
      throw invalidInput(
        `${path}.policy_versions[${i}].length`,
        `is ${run.length}; a run has at least 1 token.`,
      );
    }
    versioned += run.length;
  });
  if (versioned !== sampled) {
    throw invalidInput(
      `${path}.policy_versions`,
      `cover ${versioned} sampled tokens of ${sampled}.`,
      { reason: 'TOKEN_COLUMN_LENGTH' },
    );
  }
  sequence.columns.forEach((column, i) => {
    validateColumn(column, `${path}.columns[${i}]`, tokens, sampled);
  });
}

const ELEMENT_BYTES: Readonly<Record<ColumnType, number>> = Object.freeze({
  int32: 4,
  float32: 4,
  uint8: 1,
  float16: 2,
  bfloat16: 2,
});

/** Bytes of one token's entry in a column. */
export function columnEntryBytes(column: Column): number {
  return column.entryShape.reduce((product, size) => product * size, ELEMENT_BYTES[column.type]);
}

function validateColumn(column: Column, path: string, tokens: number, sampled: number): void {
  if (column.name === '') throw invalidInput(`${path}.name`, 'is empty.');
  if (column.entryShape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw invalidInput(
      `${path}.entry_shape`,
      `is [${column.entryShape.join(', ')}]; sizes are 1 or more.`,
    );
  }
  const entries = column.axis === 'all_tokens' ? tokens : sampled;
  const wanted = entries * columnEntryBytes(column);
  if (column.data.length !== wanted) {
    throw invalidInput(
      `${path}.data`,
      `holds ${column.data.length} bytes where ${entries} entries of ${columnEntryBytes(column)} bytes need ${wanted}.`,
      { reason: 'TOKEN_COLUMN_LENGTH' },
    );
  }
}
