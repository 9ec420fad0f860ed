// `npm run bench -- NAME`: runs one benchmark of bench/; without a name it lists them.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './suites.ts';

const names = readdirSync(path.join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));
const name = process.argv[2];
if (name === undefined || !names.includes(name)) {
  console.log(`Benchmarks: ${names.join(', ')}. Run one with: npm run bench -- NAME`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  await import(path.join(root, 'bench', `${name}.ts`));
}
