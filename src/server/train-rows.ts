import { invalidInput } from '../errors.ts';
import type { TrainRow } from '../policy/index.ts';
import { type Row, sampledLength, validateSequence } from '../tokens/index.ts';
import { decodeFloat32 } from '../wire/index.ts';

/**
 * A row as the policy trains on it: its mask and logprobs by trained token. A column `advantages`
 * (float32, over all or over sampled tokens) wins over the row's one number.
 */
export function trainRowOf(row: Row, advantage: number, field: string): TrainRow {
  validateSequence(row, field);
  const { tokenIds, spans, logprobs } = row;
  const trained = new Uint8Array(tokenIds.length);
  const positions: number[] = [];
  const sampledIndices: number[] = [];
  let at = 0;
  let sampledAt = 0;
  for (const span of spans) {
    if (span.loss === 'trained') {
      for (let i = 0; i < span.length; i++) {
        trained[at + i] = 1;
        positions.push(at + i);
        sampledIndices.push(sampledAt + i);
      }
    }
    at += span.length;
    if (span.origin === 'sampled') sampledAt += span.length;
  }
  const column = row.columns.find(({ name }) => name === 'advantages');
  return {
    tokenIds,
    trained,
    ...(logprobs !== undefined && { logprobs: pick(logprobs, sampledIndices) }),
    advantage: column === undefined ? advantage : perToken(column),
  };

  function perToken({ type, axis, data, entryShape }: Row['columns'][number]): Float32Array {
    const path = `${field}.columns[advantages]`;
    if (type !== 'float32' || entryShape.length > 0) {
      throw invalidInput(path, 'must be one float32 per token.');
    }
    const values = decodeFloat32(data, `${path}.data`);
    const wanted = axis === 'all_tokens' ? tokenIds.length : sampledLength(spans);
    if (values.length !== wanted) {
      throw invalidInput(`${path}.data`, `has ${values.length} values for ${wanted} tokens.`);
    }
    return pick(values, axis === 'all_tokens' ? positions : sampledIndices);
  }
}

function pick(values: Float32Array, indices: readonly number[]): Float32Array {
  return Float32Array.from(indices, (index) => values[index] ?? Number.NaN);
}
