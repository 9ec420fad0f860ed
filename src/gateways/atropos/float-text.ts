/** A number as Python writes and reads a float: 1 is 1.0. */
export function floatText(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) >= 1e21) return String(value);
  return Object.is(value, -0) ? '-0.0' : `${value}.0`;
}

/** A list of floats. */
export function floatsText(values: ArrayLike<number>): string {
  let text = '[';
  for (let at = 0; at < values.length; at++) {
    if (at > 0) text += ',';
    text += floatText(values[at] as number);
  }
  return `${text}]`;
}
