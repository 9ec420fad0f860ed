import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

/** Prints a benchmark's figures and keeps them in bench/results/, with what they were measured on. */
export function report(name: string, figures: object): void {
  const result = {
    benchmark: name,
    command: `npm run bench -- ${name}`,
    node: process.version,
    cores: availableParallelism(),
    date: new Date().toISOString().slice(0, 10),
    ...figures,
  };
  const folder = path.resolve(import.meta.dirname, '../results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
}

/** The median of `rounds` timings of `work`, in milliseconds, after one to warm up. */
export function medianMs(rounds: number, work: () => void): number {
  work();
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return times[times.length >> 1] as number;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
