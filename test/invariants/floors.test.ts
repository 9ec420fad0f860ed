import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** The floors of the house, top to bottom; rooms beside each other on one line. */
const FLOORS: readonly (readonly string[])[] = [
  ['index', 'cli', 'examples'],
  ['server', 'gateways', 'worker'],
  ['client', 'environment'],
  ['contract'],
  ['agent'],
  ['tools', 'models', 'broker'],
  ['sandbox', 'policy', 'parsers'],
  ['tokens'],
  ['telemetry', 'transport', 'wire', 'files'],
  ['errors', 'messages', 'random', 'async', 'gen'],
];

/** The only edges allowed between rooms of one floor. */
const BESIDE = new Set([
  'cli>examples',
  'server>gateways',
  'server>worker',
  'transport>telemetry',
  'errors>gen',
]);

const root = path.resolve(import.meta.dirname, '../..');
const floorOf = new Map(FLOORS.flatMap((rooms, floor) => rooms.map((room) => [room, floor])));

interface Import {
  readonly file: string;
  readonly target: string;
}

function filesUnder(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

function importsOf(file: string, text = readFileSync(path.join(root, file), 'utf8')): Import[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s*['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"](\.[^'"]+)['"]/g,
  );
  return [...found].map((match) => ({
    file,
    target: path.join(path.dirname(file), match[1] ?? match[2] ?? match[3] ?? ''),
  }));
}

/** The room of a file: `src/broker/memory.ts` is in `broker`, `src/errors.ts` in `errors`. */
function roomOf(file: string): string {
  const [top, second = ''] = file.split(path.sep);
  return top === 'gen' || top === 'examples' ? top : second.replace(/\.ts$/, '');
}

/** Why an import is refused, or undefined. */
function refusal({ file, target }: Import): string | undefined {
  const from = roomOf(file);
  const to = roomOf(target);
  if (from === to) return undefined;
  const up = floorOf.get(from);
  const down = floorOf.get(to);
  if (up === undefined || down === undefined)
    return `${file}: no floor is known for ${from} or ${to}`;
  if (down < up) return `${file} imports ${target}, which is on a floor above it`;
  if (down === up && !BESIDE.has(`${from}>${to}`)) {
    return `${file} imports ${target}, a room beside it`;
  }
  const isDoor =
    to === 'gen' ||
    to === 'examples' ||
    target.split(path.sep).length === 2 ||
    /[/\\]index\.ts$/.test(target);
  return isDoor ? undefined : `${file} enters ${to} by ${target} and not by its index.ts`;
}

const imports = filesUnder('src').flatMap((file) => importsOf(file));

test('imports go down the floors, and into a room by its door', () => {
  expect(imports.length).toBeGreaterThan(50);
  expect(imports.map(refusal).filter((reason) => reason !== undefined)).toEqual([]);
});

test('no imports go in a circle', () => {
  const graph = Map.groupBy(imports, ({ file }) => file);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    if (done.has(file) || trail.includes(file)) return;
    for (const { target } of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test('the rule refuses what it should', () => {
  const check = (file: string, text: string) => importsOf(file, text).map(refusal)[0];
  expect(check('src/tokens/a.ts', `import { x } from '../broker/index.ts';`)).toMatch(/above it/);
  expect(check('src/broker/a.ts', `import type { x } from '../tools/index.ts';`)).toMatch(
    /beside it/,
  );
  expect(check('src/broker/a.ts', `import { x } from '../tokens/ledger.ts';`)).toMatch(/index\.ts/);
  expect(check('src/broker/a.ts', `import { x } from '../tokens/index.ts';`)).toBeUndefined();
  expect(check('src/cli/a.ts', `const x = await import('../../gen/a_pb.ts');`)).toBeUndefined();
});
