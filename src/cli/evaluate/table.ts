import { percent } from '../words.ts';
import type { FigureAtK, MeanFigure, Metrics } from './metrics.ts';

/** Longer lists are for metrics.json. */
const MAX_MEANS = 20;
const MAX_NAME = 40;

/** The metrics as tables; of many k only the powers of two and the last, which tell the curve. */
export function metricsTable(metrics: Metrics): string {
  const { avg_at_k, pass_at_k, solved_at } = metrics;
  const told = pass_at_k.filter(
    ({ k }) => Number.isInteger(Math.log2(k)) || k === pass_at_k.length,
  );
  const figures = [
    ['', 'value', '95 % interval', 'tasks'],
    ...(avg_at_k === null ? [] : [row(`avg@${avg_at_k.k}`, avg_at_k, (value) => value.toFixed(3))]),
    ...told.map((figure) => row(`pass@${figure.k}`, figure, percent)),
  ];
  return [
    `${aligned(figures)}\nsolved is a reward of at least ${solved_at}\n`,
    meansTable('component', metrics.components),
    meansTable('metric', metrics.metrics),
    ...(metrics.names_left_out ? ['names after the first 256 are left out\n'] : []),
  ].join('');
}

/** Empty when there are none. */
function meansTable(what: string, means: Readonly<Record<string, MeanFigure>>): string {
  const entries = Object.entries(means);
  if (entries.length === 0) return '';
  const rows = entries
    .slice(0, MAX_MEANS)
    .map(([name, { mean, count }]) => [shownName(name), shownMean(mean), String(count)]);
  const more = entries.length - rows.length;
  const rest = more === 0 ? '' : `${more} more in metrics.json\n`;
  return `\n${aligned([[what, 'mean', 'rollouts'], ...rows])}\n${rest}`;
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((cells) => cells[i]?.length ?? 0)),
  );
  return rows
    .map((cells) =>
      cells
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** An environment's own words, which may hold anything, on one line of a terminal. */
function shownName(name: string): string {
  const line = name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > MAX_NAME ? `${line.slice(0, MAX_NAME - 1)}…` : line;
}

/** Four digits of any size of number. */
function shownMean(mean: number): string {
  return String(Number(mean.toPrecision(4)));
}

function row(name: string, figure: FigureAtK, show: (value: number) => string): readonly string[] {
  const { value, interval, tasks } = figure;
  const range = interval === null ? '-' : `${show(interval.low)} to ${show(interval.high)}`;
  return [name, show(value), range, String(tasks)];
}
