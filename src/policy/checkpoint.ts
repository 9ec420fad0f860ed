import { createHash } from 'node:crypto';
import { invalidInput } from '../errors.ts';
import { fromFloat16, toFloat16 } from './float16.ts';
import type { ModelShape } from './shape.ts';
import { layoutOf } from './shape.ts';
import { Tokenizer } from './tokenizer.ts';
import type { Weights } from './weights.ts';
import { createWeights } from './weights.ts';

/** A vocabulary and the weights that go with it. */
export interface Checkpoint {
  /** A short name for reports: `lachesis-base`. */
  readonly name: string;
  readonly tokenizer: Tokenizer;
  readonly weights: Weights;
}

/** The first bytes of a file: the name, a format number, a NUL. */
const magic = new Uint8Array([...'LCHSPOL'].map((c) => c.charCodeAt(0)).concat(1));

interface Header {
  readonly name: string;
  readonly shape: Omit<ModelShape, 'vocabularySize'>;
  readonly pieces: readonly string[];
  readonly dtype: 'float16';
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Of the payload, hex. */
  readonly sha256: string;
}

/** The file: magic (8 bytes), header length (uint32), header (JSON), then float16 values; little-endian. */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { name, tokenizer, weights } = checkpoint;
  const { width, hidden, slopes } = weights.shape;
  const payload = new Uint8Array(weights.values.length * 2);
  const view = new DataView(payload.buffer);
  for (const [i, value] of weights.values.entries()) view.setUint16(i * 2, toFloat16(value), true);
  const header: Header = {
    name,
    shape: { width, hidden, slopes },
    pieces: tokenizer.pieces,
    dtype: 'float16',
    tensors: weights.layout.manifest.map((entry) => ({ name: entry.name, shape: entry.shape })),
    sha256: createHash('sha256').update(payload).digest('hex'),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(magic.length + 4 + json.length + payload.length);
  file.set(magic);
  new DataView(file.buffer).setUint32(magic.length, json.length, true);
  file.set(json, magic.length + 4);
  file.set(payload, magic.length + 4 + json.length);
  return file;
}

/** @throws invalid_input when the file is not a checkpoint, is damaged, or does not fit its shape. */
export function readCheckpoint(file: Uint8Array): Checkpoint {
  const start = magic.length + 4;
  if (file.length < start || magic.some((byte, i) => file[i] !== byte)) {
    throw damaged('is not a policy checkpoint of format 1.');
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = start + view.getUint32(magic.length, true);
  const header = parseHeader(file.subarray(start, end));
  const payload = file.subarray(end);
  if (createHash('sha256').update(payload).digest('hex') !== header.sha256) {
    throw damaged('its weights do not match their digest.');
  }
  const tokenizer = new Tokenizer(header.pieces);
  const shape = { ...header.shape, vocabularySize: tokenizer.vocabularySize };
  const { parameters } = layoutOf(shape);
  if (payload.length !== parameters * 2) {
    throw damaged(
      `holds ${payload.length} bytes of weights where its shape needs ${parameters * 2}.`,
    );
  }
  const values = new Float64Array(parameters);
  for (let i = 0; i < parameters; i++) values[i] = fromFloat16(view.getUint16(end + i * 2, true));
  return { name: header.name, tokenizer, weights: createWeights(shape, values) };
}

function parseHeader(bytes: Uint8Array): Header {
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Header;
  } catch (cause) {
    throw damaged('its header is not JSON.', cause);
  }
  if (header.dtype !== 'float16' || !Array.isArray(header.pieces) || header.shape === undefined) {
    throw damaged('its header lacks dtype float16, pieces or shape.');
  }
  return header;
}

function damaged(what: string, cause?: unknown): Error {
  return invalidInput('checkpoint', what, {
    reason: 'CHECKPOINT_DAMAGED',
    remedy: 'Make it again with scripts/train-base-policy.ts.',
    cause,
  });
}
