import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../support.ts';

const ROLLOUTS = 16;

const folderOf = (name: string): string => mkdtempSync(path.join(tmpdir(), `lachesis-${name}-`));
const record = (folder: string) =>
  JSON.parse(readFileSync(path.join(folder, 'start.json'), 'utf8'));

/** The rollouts that the files of all sittings hold. */
function rollouts(folder: string) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const start = (folder: string, ...options: string[]) =>
  cli('start', '--quick', '--out', folder, ...options);

test('an environment whose agents write commands is played through the pool, and says where', async () => {
  const folder = folderOf('play');
  const run = start(folder, '--env', 'terminal-tasks');
  expect(await run.code, run.err()).toBe(0);
  const out = run.out();
  expect(out).toMatch(/^Agents of terminal-tasks write commands, .* give --train\.$/m);
  expect(out).toMatch(/^Commands run in sandboxes of bubblewrap, isolation namespace \(one made/m);
  expect(out).toMatch(/^its solution +mean reward 1\.00 \(8 rollouts\)$/m);
  expect(out).toMatch(/^an agent that does nothing +mean reward 0\.00 \(8 rollouts\)$/m);
  expect(out).toMatch(/^tool calls +8 attempted, 8 ok$/m);
  const [, leases, made] = /isolation namespace: (\d+) leases, (\d+) made/.exec(out) ?? [];
  expect(Number(leases)).toBe(ROLLOUTS);
  expect(Number(made)).toBeGreaterThanOrEqual(ROLLOUTS);
  expect(out).toMatch(/^ +model calls terminal \{"command"/m);
  const played = rollouts(folder);
  expect(played).toHaveLength(ROLLOUTS);
  for (const { provenance } of played) {
    expect(provenance).toMatchObject({ isolation: 'namespace', sandbox: { earlier_uses: 0 } });
  }

  const again = start(folder, '--resume');
  expect(await again.code).toBe(0);
  expect(again.out()).toMatch(/^This one has ended.* anew: npm start -- --env terminal-tasks /);
}, 60_000);

test('after Ctrl-C, --resume plays what is missing and nothing twice', async () => {
  const folder = folderOf('play');
  const first = start(folder, '--env', 'code-with-tests');
  await first.until(/^task .*$/m);
  first.stop();
  expect(await first.code, first.out() + first.err()).toBe(130);
  const [, told] = /^Stopped after (\d+) rollouts; all of it is kept/m.exec(first.out()) ?? [];
  const before = Number(told);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(ROLLOUTS);
  expect(record(folder).played).toHaveLength(before);

  const other = start(folder, '--resume', '--train');
  expect(await other.code).toBe(2);
  expect(other.err()).toMatch(/--train: is true, and what is resumed began with false/);

  const second = start(folder, '--resume');
  expect(await second.code, second.err()).toBe(0);
  expect(second.out()).toContain(`resumed: ${before} rollouts were played before`);
  expect(second.out()).toMatch(/mean reward 1\.00 \(8 rollouts\)$/m);
  const ids = rollouts(folder).map(({ id }) => id);
  expect(ids).toHaveLength(ROLLOUTS);
  expect(new Set(ids).size).toBe(ROLLOUTS);
}, 60_000);

test('what can’t be played here is refused with the way out, and what was kept stays', async () => {
  const folder = folderOf('play');
  const kept = start(folder, '--env', 'terminal-tasks');
  await kept.until(/^task .*$/m);
  kept.stop();
  await kept.code;
  const before = record(folder);
  const refused: readonly (readonly [options: readonly string[], message: RegExp])[] = [
    [['--env', 'terminal-task'], /none of the examples\. Name a file/],
    [['--env', 'terminal-tasks', '--max-steps', '3'], /--max-steps: is of training.*--train/],
    [['--env', 'terminal-tasks', '--sandbox', 'none'], /Leave --sandbox out, or name a backend/],
    [
      ['--env', 'terminal-tasks', '--isolation-minimum', 'strong'],
      /give isolation `namespace`.*Choose a stronger backend with --sandbox/,
    ],
  ];
  for (const [options, message] of refused) {
    const run = start(folder, ...options);
    expect(await run.code).toBeGreaterThan(0);
    expect(run.err()).toMatch(message);
    expect(run.out()).toBe('');
    expect(record(folder)).toEqual(before);
  }
}, 60_000);

test('--train trains on it all the same, with its rollouts in sandboxes', async () => {
  const folder = folderOf('train');
  const run = start(folder, '--env', 'terminal-tasks', '--train', '--max-steps', '1');
  expect(await run.code, run.out() + run.err()).toBe(0);
  expect(run.out()).toMatch(/^Commands run in sandboxes of bubblewrap, isolation namespace/m);
  expect(run.out()).toMatch(/^step +1 /m);
  expect(run.out()).toMatch(/^sandboxes +bubblewrap, isolation namespace: \d+ leases, \d+ made/m);

  const again = start(folder, '--resume');
  expect(await again.code).toBe(0);
  expect(again.out()).toMatch(/ begin anew: npm start -- --env terminal-tasks --train --out /);
}, 240_000);
