import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { StateFolder } from '../../src/cli/state-folder.ts';
import { connect } from '../../src/client/index.ts';
import { defineEnvironment, hostEnvironment } from '../../src/environment/index.ts';
import { Program } from '../package/support/program.ts';
import { Counting } from './counting.ts';
import { type CliRun, cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

/** Serves a file, lets its environment be played, and stops. */
async function serveOnce(folder: string, file: string, atEnd?: () => void): Promise<CliRun> {
  const run = cli('serve', file, '--state', folder);
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: String(address) });
  for await (const _ of client.environments.evaluate({ environment: 'counting', maxTasks: 1 }));
  atEnd?.();
  run.stop();
  await run.code;
  return run;
}

test('serve hands an environment the state that it saved before a restart', async () => {
  const at = new Counting();
  for (const played of [1, 2]) {
    const run = await serveOnce(at.state, at.file());
    expect([await run.code, run.err()]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(at.stateFile, 'utf8'))).toEqual({
      environment: 'counting',
      version: '1',
      state: { played },
    });
  }
  expect(at.log()).toEqual([
    'tasks',
    'save 1',
    'close {}',
    'load 1',
    'tasks',
    'save 2',
    'close {}',
  ]);
  expect(readdirSync(at.state)).toEqual(['counting.json']);
});

test.each([
  ['process', 'rollouts.jsonl'],
  ['evaluate', 'results'],
])('%s reads the state before the tasks and saves it at the end', async (command, out) => {
  const at = new Counting();
  const play = (...more: string[]) =>
    cli(command, at.file(), '--out', path.join(at.folder, out), '--state', at.state, ...more);
  for (const attempts of [2, 3]) {
    const run = play('--attempts', String(attempts));
    expect([await run.code, run.err()]).toEqual([0, '']);
    expect(at.saved()).toBe(attempts);
  }
  expect(at.log()).toEqual([
    'tasks',
    'save 2',
    'close {}',
    'load 2',
    'tasks',
    'save 3',
    'close {}',
  ]);
});

test.each(['process', 'evaluate'])('%s saves the state after Ctrl-C', async (command) => {
  const at = new Counting();
  const file = at.file({
    tasks: `[{ data: 'free' }, { data: 'stuck' }]`,
    setup: `({ data }) => (data === 'stuck' ? new Promise(() => {}) : undefined)`,
  });
  const run = cli(command, file, '--out', path.join(at.folder, 'out'), '--state', at.state);
  await run.until(/1 of 2/);
  run.stop();
  expect(await run.code).toBe(130);
  expect(at.saved()).toBe(1);
  expect(at.log()).toEqual(['tasks', 'save 1', 'close {}']);
});

test('a last save that fails leaves the file as it was, and the command has failed', async () => {
  const at = new Counting();
  await serveOnce(at.state, at.file());
  const save = `() => { throw new Error('no memory') }`;
  const served = await serveOnce(at.state, at.file({ save }));
  const out = path.join(at.folder, 'out.jsonl');
  const processed = cli('process', at.file({ save }), '--out', out, '--state', at.state);
  for (const run of [served, processed]) {
    expect(await run.code).toBe(1);
    expect(run.err()).toBe(
      'The state of counting was not saved: The checkpoint.save of environment `counting` threw: no memory\n',
    );
  }
  expect(at.saved()).toBe(1);
});

test('a folder that is gone at the end is told, and the command has failed', async () => {
  const at = new Counting();
  const run = await serveOnce(at.state, at.file(), () => rmSync(at.state, { recursive: true }));
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(/^The state of counting was not saved: ENOENT/);
});

test('a second command on the folder is refused until the first has ended', async () => {
  const at = new Counting();
  const first = cli('serve', at.file(), '--state', at.state);
  await first.until(/listening on/);
  const second = cli('process', at.file(), '--out', 'x', '--state', at.state);
  expect(await second.code).toBe(1);
  expect(second.err()).toMatch(
    new RegExp(`--state: ${at.state} is in use by process ${process.pid} .*state/lachesis.lock`),
  );
  first.stop();
  expect(await first.code).toBe(0);
  expect(await (await serveOnce(at.state, at.file())).code).toBe(0);
});

test('state that can not be taken is told with its file and the way on, and kept', async () => {
  const at = new Counting();
  await serveOnce(at.state, at.file());
  const held = readFileSync(at.stateFile, 'utf8');
  const away = 'To begin without that state, move counting.json away.';
  for (const [parts, code, problem] of [
    [{ version: '2' }, 1, /version "1", not of `counting` version "2".*host the version it is of/],
    [{ load: `() => { throw new Error('too old') }` }, 1, /checkpoint\.load .* threw: too old/],
    [{ save: undefined, load: undefined }, 2, /`counting` keeps no state/],
  ] as const) {
    const run = cli('serve', at.file(parts), '--state', at.state);
    expect(await run.code).toBe(code);
    expect(run.err()).toMatch(problem);
    expect(run.err()).toContain(`lachesis serve: ${at.stateFile}: `);
    expect(run.err()).toContain(away);
    expect(readFileSync(at.stateFile, 'utf8')).toBe(held);
  }
  writeFileSync(at.stateFile, '{"environment":"counting"');
  const torn = cli('serve', at.file(), '--state', at.state);
  expect(await torn.code).toBe(2);
  expect(torn.err()).toBe(
    `lachesis serve: ${at.stateFile}: is no checkpoint: a JSON object is needed. ${away}\n`,
  );
  rmSync(at.stateFile);
  mkdirSync(at.stateFile);
  const folder = cli('serve', at.file(), '--state', at.state);
  expect(await folder.code).toBe(2);
  expect(folder.err()).toContain(`${at.stateFile}: can't be read: EISDIR`);
});

test.each([shop, '/proc/nope', '/dev/null/x'])(
  'serve --state %j is refused by name',
  async (folder) => {
    const run = cli('serve', shop, '--state', folder);
    expect(await run.code).toBe(2);
    expect(run.err()).toMatch(/--state: .*Give a folder whose parent exists\.\n$/);
  },
);

test('state is saved every half minute, one save at a time', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const at = new Counting();
    const held = Promise.withResolvers<void>();
    let saves = 0;
    const definition = defineEnvironment({
      name: 'counting',
      tasks: [{ data: 1 }],
      prompt: () => 'x',
      reward: () => 1,
      checkpoint: {
        save: async () => {
          saves += 1;
          await held.promise;
          return { played: saves };
        },
        load: () => {},
      },
    });
    const folder = await StateFolder.open(at.state, (message) => {
      throw new Error(message);
    });
    folder.follow([await hostEnvironment(definition)]);
    vi.advanceTimersByTime(29_999);
    expect(saves).toBe(0);
    vi.advanceTimersByTime(90_001);
    expect(saves).toBe(1);
    held.resolve();
    await vi.waitFor(() => expect(at.saved()).toBe(1), 10_000);
    expect(await folder.end()).toBe(true);
    expect(at.saved()).toBe(2);
    vi.advanceTimersByTime(90_000);
    expect(saves).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

test('Ctrl-C ends a load that never does', async () => {
  const at = new Counting();
  await serveOnce(at.state, at.file());
  at.log();
  const run = cli(
    ...['serve', at.file({ load: `() => { log('load'); return new Promise(() => {}); }` })],
    ...['--state', at.state],
  );
  await vi.waitFor(() => expect(at.log()).toEqual(['load']), 10_000);
  run.stop();
  expect(await run.code).toBe(130);
  expect(readdirSync(at.state)).toEqual(['counting.json']);
});

test('a folder for environments without any state is told of, and does no harm', async () => {
  const at = new Counting();
  const run = await serveOnce(at.state, at.file({ save: undefined, load: undefined }));
  expect([await run.code, run.err()]).toEqual([
    0,
    '--state: nothing is kept, for no environment here has a `checkpoint`.\n',
  ]);
  expect(readdirSync(at.state)).toEqual([]);
});

test('half a checkpoint is refused when its file is loaded, as what was given wrong', async () => {
  const at = new Counting();
  for (const load of [undefined, '3']) {
    const run = cli('serve', at.file({ load }), '--state', at.state);
    expect(await run.code).toBe(2);
    expect(run.err()).toMatch(
      /counting-\d\.mjs could not be loaded: environment `counting`\.checkpoint\.load: must be a function\.\n$/,
    );
  }
  const library = path.resolve(import.meta.dirname, '../../src/index.ts');
  const file = path.join(at.folder, 'defined.mjs');
  writeFileSync(
    file,
    `import { defineEnvironment } from ${JSON.stringify(library)};
     export default defineEnvironment({ name: 'a', tasks: [{ data: 1 }], prompt: () => 'x', reward: () => 1,
       checkpoint: { save: () => 1 } });`,
  );
  const run = cli('validate', file);
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(/checkpoint\.load: must be a function \(line 2\)\.\n$/);
});

test('what a killed process left half written is cleared, and nothing else', async () => {
  const at = new Counting();
  mkdirSync(at.state);
  const others = ['notes.tmp', 'other.json', `other.${randomUUID()}.tmp`];
  for (const name of [`counting.json.${randomUUID()}.tmp`, ...others]) {
    writeFileSync(path.join(at.state, name), '');
  }
  await serveOnce(at.state, at.file());
  expect(readdirSync(at.state).toSorted()).toEqual(['counting.json', ...others].toSorted());
});

test('a process that is ended by its environment says what was not saved, and leaves no lock', async () => {
  const at = new Counting();
  const root = path.resolve(import.meta.dirname, '../..');
  const out = path.join(at.folder, 'out.jsonl');
  await using program = new Program(
    process.execPath,
    [
      ...['--conditions=lachesis-source', 'src/cli/run.ts', 'process'],
      ...[at.file({ save: '() => process.exit(0)' }), '--out', out, '--state', at.state],
    ],
    { cwd: root },
  );
  expect(await program.exited).toBe(1);
  expect(program.everything).toContain(
    'The process ended before the state of counting was saved a last time.\n',
  );
  expect(readdirSync(at.state)).toEqual([]);
});
