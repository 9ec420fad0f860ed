import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromFloat16, toFloat16 } from '../../src/policy/float16.ts';
import { readBaseCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/policy/index.ts';
import { weightsFromBytes, weightsToBytes } from '../../src/policy/weights.ts';
import { tinyCheckpoint } from './tiny.ts';

const file = writeCheckpoint(tinyCheckpoint());

describe('a checkpoint file', () => {
  test('gives back name, vocabulary, shape, and weights to half precision', () => {
    const { name, tokenizer, weights } = tinyCheckpoint();
    const read = readCheckpoint(file);
    expect(read.name).toBe(name);
    expect(read.tokenizer.fingerprint).toBe(tokenizer.fingerprint);
    expect(read.weights.shape).toEqual(weights.shape);
    for (const [i, value] of weights.values.entries()) {
      expect(Math.abs(read.weights.values[i]! - value)).toBeLessThanOrEqual(
        Math.abs(value) / 2048 + 1e-7,
      );
    }
    expect(writeCheckpoint(read)).toEqual(file);
  });

  test.each([
    ['an empty file', (bytes: Uint8Array) => bytes.subarray(0, 0)],
    ['another kind of file', (bytes: Uint8Array) => bytes.with(0, 0)],
    ['a flipped bit in the weights', (bytes: Uint8Array) => bytes.with(-1, bytes.at(-1)! ^ 1)],
    ['a cut file', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 2)],
    ['a broken header', (bytes: Uint8Array) => bytes.with(12, 0x5b)],
  ])('%s is refused with a remedy', (_name, damage) => {
    expect(() => readCheckpoint(damage(file))).toThrow(/checkpoint: .*train-base-policy/);
  });

  test('the base checkpoint ships with the package, small', async () => {
    const base = await readBaseCheckpoint();
    expect(base.name).toBe('lachesis-base');
    expect(base.weights.layout.parameters).toBe(31_363);
    expect(writeCheckpoint(base).length).toBeLessThan(90_000);
  });
});

describe('float16', () => {
  test('every bit pattern survives a round trip', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromFloat16(bits);
      if (Number.isNaN(value)) continue;
      expect(toFloat16(value)).toBe(bits);
    }
  });

  test('rounds to the nearest', () => {
    fc.assert(
      fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = toFloat16(value);
        const error = Math.abs(fromFloat16(bits) - value);
        for (const near of [bits - 1, bits + 1]) {
          const other = fromFloat16(near & 0xffff);
          if (Number.isFinite(other)) expect(error).toBeLessThanOrEqual(Math.abs(other - value));
        }
      }),
    );
  });
});

describe('weights as bytes', () => {
  test('float32 bytes are exact both ways', () => {
    const { weights } = tinyCheckpoint();
    expect(weightsFromBytes(weights.shape, weightsToBytes(weights)).values).toEqual(weights.values);
  });

  test('a wrong size and a NaN are refused', () => {
    const { weights } = tinyCheckpoint();
    const bytes = weightsToBytes(weights);
    expect(() => weightsFromBytes(weights.shape, bytes.subarray(4))).toThrow(/expected \d+ bytes/);
    new DataView(bytes.buffer).setFloat32(8, Number.NaN, true);
    expect(() => weightsFromBytes(weights.shape, bytes)).toThrow(/weights\[2\].*not finite/);
  });
});
