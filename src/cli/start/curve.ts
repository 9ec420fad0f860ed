const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** A curve of values from 0 to 1, one character each; the newest `width` of them. */
export function sparkline(values: readonly number[], width: number): string {
  return values
    .slice(-width)
    .map((value) => BARS[Math.min(7, Math.max(0, Math.floor(value * 8)))])
    .join('');
}

/** A bar of `width` characters, filled to `share`. */
export function progressBar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
