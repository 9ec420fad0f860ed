// The inner loops. Lengths are multiples of four (shape.ts checks them), so there is no remainder
// loop; the four partial sums always add up in the same order, which keeps results bit-equal
// between a full pass and one token at a time.

/** The dot product of two runs of `length` numbers. */
export function dot(
  a: Float64Array,
  aOffset: number,
  b: Float64Array,
  bOffset: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < length; i += 4) {
    s0 += a[aOffset + i]! * b[bOffset + i]!;
    s1 += a[aOffset + i + 1]! * b[bOffset + i + 1]!;
    s2 += a[aOffset + i + 2]! * b[bOffset + i + 2]!;
    s3 += a[aOffset + i + 3]! * b[bOffset + i + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}

/** `out = matrix x input`, for a row-major matrix of `rows` rows. */
export function multiply(
  matrix: Float64Array,
  matrixOffset: number,
  rows: number,
  columns: number,
  input: Float64Array,
  inputOffset: number,
  out: Float64Array,
  outOffset: number,
): void {
  let at = matrixOffset;
  for (let row = 0; row < rows; row++) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = inputOffset, end = inputOffset + columns; i < end; i += 4, at += 4) {
      s0 += matrix[at]! * input[i]!;
      s1 += matrix[at + 1]! * input[i + 1]!;
      s2 += matrix[at + 2]! * input[i + 2]!;
      s3 += matrix[at + 3]! * input[i + 3]!;
    }
    out[outOffset + row] = s0 + s1 + (s2 + s3);
  }
}

/** `out += scale x input` over `length` numbers. */
export function addScaled(
  out: Float64Array,
  outOffset: number,
  scale: number,
  input: Float64Array,
  inputOffset: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 4) {
    out[outOffset + i]! += scale * input[inputOffset + i]!;
    out[outOffset + i + 1]! += scale * input[inputOffset + i + 1]!;
    out[outOffset + i + 2]! += scale * input[inputOffset + i + 2]!;
    out[outOffset + i + 3]! += scale * input[inputOffset + i + 3]!;
  }
}

/**
 * Backward of {@link multiply} for one input: adds `outGradient x input` to the matrix's gradient
 * and `matrix^T x outGradient` to the input's gradient, in one pass over the rows.
 */
export function multiplyBackward(
  matrix: Float64Array,
  matrixOffset: number,
  rows: number,
  columns: number,
  input: Float64Array,
  inputOffset: number,
  outGradient: Float64Array,
  outOffset: number,
  matrixGradient: Float64Array,
  inputGradient: Float64Array,
  inputGradientOffset: number,
): void {
  let at = matrixOffset;
  for (let row = 0; row < rows; row++) {
    const g = outGradient[outOffset + row]!;
    // A dead ReLU unit or an excluded logit has a gradient of exactly zero.
    if (g === 0) {
      at += columns;
      continue;
    }
    for (let i = 0; i < columns; i += 4, at += 4) {
      const x = inputOffset + i;
      const d = inputGradientOffset + i;
      matrixGradient[at]! += g * input[x]!;
      matrixGradient[at + 1]! += g * input[x + 1]!;
      matrixGradient[at + 2]! += g * input[x + 2]!;
      matrixGradient[at + 3]! += g * input[x + 3]!;
      inputGradient[d]! += g * matrix[at]!;
      inputGradient[d + 1]! += g * matrix[at + 1]!;
      inputGradient[d + 2]! += g * matrix[at + 2]!;
      inputGradient[d + 3]! += g * matrix[at + 3]!;
    }
  }
}
