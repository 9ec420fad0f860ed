import { createHash } from 'node:crypto';
import { invalidInput, LachesisError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { PolicyState, TrainStepResult } from './policy-state.ts';
import { weightsFromBytes, weightsToBytes } from './weights.ts';

/** The first bytes of a file: the name, a format number. */
const MAGIC = new Uint8Array([...'LCHSKPT'].map((c) => c.charCodeAt(0)).concat(1));
const DIGEST_BYTES = 32;
/** Float64 values of one remembered step, in this order. */
const MEASURES = [
  'version',
  'gradNorm',
  'loss',
  'maxRatioDeviation',
  'meanKl',
  'clipFraction',
  'trainedTokens',
] as const satisfies readonly (keyof TrainStepResult)[];

/** What weights mean nothing without. */
interface Model {
  readonly name: string;
  readonly tokenizer: string;
  readonly shape: object;
}

interface Header {
  readonly model: Model;
  readonly version: number;
  readonly adamStep: number;
  /** Ids of the remembered steps, oldest first. */
  readonly steps: readonly string[];
}

/**
 * A policy's state as a file: magic (8 bytes), header length (uint32), header (JSON), weights (float32),
 * Adam's mean and variance (float64), the measures of each remembered step (float64), then the SHA-256 of
 * all that; little-endian. Nothing is rounded: what is read is what was written.
 */
export function writeSavedPolicy(state: PolicyState, checkpoint: Checkpoint): Uint8Array {
  const header: Header = {
    model: modelOf(checkpoint),
    version: state.version,
    adamStep: state.adam.step,
    steps: [...state.steps.keys()],
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length, true);
  const measures = [...state.steps.values()].flatMap((step) => MEASURES.map((name) => step[name]));
  const parts = [
    ...[MAGIC, length, json, weightsToBytes(state.weights)],
    ...[state.adam.mean, state.adam.variance, measures].map(float64Bytes),
  ];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(Buffer.concat([...parts, hash.digest()]));
}

/**
 * The reverse of {@link writeSavedPolicy}. @throws invalid_input POLICY_FILE_DAMAGED for what is none or
 * not whole, and failed_precondition POLICY_FILE_FOREIGN for one of another model; both name the file.
 */
export function readSavedPolicy(
  bytes: Uint8Array,
  checkpoint: Checkpoint,
  file: string,
): PolicyState {
  const start = MAGIC.length + 4;
  if (bytes.length < start + DIGEST_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw damaged(file, 'is no kept policy of format 1.');
  }
  const end = bytes.length - DIGEST_BYTES;
  const digest = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end))) {
    throw damaged(file, 'is damaged: it does not match its digest.');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payload = start + view.getUint32(MAGIC.length, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(start, payload))) as Header;
  assertSameModel(header.model, checkpoint, file);
  const { shape, layout } = checkpoint.weights;
  const { parameters } = layout;
  const numbers = parameters * 2 + header.steps.length * MEASURES.length;
  const doubles = payload + parameters * 4;
  if (end !== doubles + numbers * 8) throw damaged(file, 'is damaged: its parts do not fit.');
  const float64s = (from: number, count: number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => view.getFloat64(doubles + (from + i) * 8, true));
  const measured = (index: number): TrainStepResult => {
    const values = float64s(parameters * 2 + index * MEASURES.length, MEASURES.length);
    const measures = Object.fromEntries(MEASURES.map((name, i) => [name, values[i]]));
    return { ...(measures as unknown as Omit<TrainStepResult, 'applied'>), applied: true };
  };
  return {
    version: header.version,
    weights: weightsFromBytes(shape, bytes.subarray(payload, doubles)),
    adam: {
      step: header.adamStep,
      mean: float64s(0, parameters),
      variance: float64s(parameters, parameters),
    },
    steps: new Map(header.steps.map((id, index) => [id, measured(index)])),
  };
}

function modelOf({ name, tokenizer, weights }: Checkpoint): Model {
  const { vocabularySize, width, hidden, slopes } = weights.shape;
  return {
    name,
    tokenizer: tokenizer.fingerprint,
    shape: { vocabularySize, width, hidden, slopes },
  };
}

function assertSameModel(model: Model, checkpoint: Checkpoint, file: string): void {
  const own = modelOf(checkpoint);
  const differs = (['name', 'tokenizer', 'shape'] as const).find(
    (part) => JSON.stringify(model[part]) !== JSON.stringify(own[part]),
  );
  if (differs === undefined) return;
  const what = { name: 'name', tokenizer: 'vocabulary', shape: 'shape' }[differs];
  const message = `${file} keeps a policy of another ${what} than ${own.name} of this package.`;
  throw new LachesisError('failed_precondition', message, {
    reason: 'POLICY_FILE_FOREIGN',
    remedy: 'Give another file, or go on with it in the version of the package that wrote it.',
  });
}

function float64Bytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  for (let i = 0; i < values.length; i++) view.setFloat64(i * 8, values[i]!, true);
  return new Uint8Array(view.buffer);
}

function damaged(file: string, what: string): LachesisError {
  return invalidInput(file, what, {
    reason: 'POLICY_FILE_DAMAGED',
    remedy: 'Restore it, or move it away to begin with the policy of the package.',
  });
}
