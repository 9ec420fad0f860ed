import { percent } from '../start/words.ts';
import type { FigureAtK, Metrics } from './metrics.ts';

/** The metrics as a table; of many k only the powers of two and the last, which tell the curve. */
export function metricsTable({ avg_at_k, pass_at_k, solved_at }: Metrics): string {
  const told = pass_at_k.filter(
    ({ k }) => Number.isInteger(Math.log2(k)) || k === pass_at_k.length,
  );
  const rows = [
    ['', 'value', '95 % interval', 'tasks'],
    ...(avg_at_k === null ? [] : [row(`avg@${avg_at_k.k}`, avg_at_k, (value) => value.toFixed(3))]),
    ...told.map((figure) => row(`pass@${figure.k}`, figure, percent)),
  ];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  '),
  );
  return `${lines.join('\n')}\nsolved is a reward of at least ${solved_at}\n`;
}

function row(name: string, figure: FigureAtK, show: (value: number) => string): readonly string[] {
  const { value, interval, tasks } = figure;
  const range = interval === null ? '-' : `${show(interval.low)} to ${show(interval.high)}`;
  return [name, show(value), range, String(tasks)];
}
