import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Program } from '../package/support/program.ts';
import { Counting } from './counting.ts';
import { cli } from './support.ts';

const commands = {
  serve: (file: string) => ['serve', file],
  process: (file: string) => ['process', file, '--out', path.join(path.dirname(file), 'out.jsonl')],
  evaluate: (file: string) => ['evaluate', file, '--out', path.join(path.dirname(file), 'results')],
  validate: (file: string) => ['validate', file, '--null-most', '1'],
};

async function ended(command: keyof typeof commands, file: string) {
  const run = cli(...commands[command](file));
  if (command === 'serve') {
    await run.until(/listening on/);
    run.stop();
  }
  return { code: await run.code, err: run.err() };
}

test.each(Object.keys(commands) as (keyof typeof commands)[])(
  '%s closes its environment once, and has failed when that fails',
  async (command) => {
    const at = new Counting();
    expect(await ended(command, at.file())).toEqual({ code: 0, err: '' });
    expect(at.log()).toEqual(['tasks', 'close {}']);
    const close = `() => { log('close'); throw new Error('still busy'); }`;
    expect(await ended(command, at.file({ close }))).toEqual({
      code: 1,
      err: 'The close of environment `counting` threw: still busy\n',
    });
    expect(at.log()).toEqual(['tasks', 'close']);
  },
);

test('an environment that was hosted is closed when another could not be, or it has no task', async () => {
  const at = new Counting();
  const broken = at.file({ tasks: `(() => { throw new Error('no tasks'); })()` });
  const run = cli('validate', at.file(), broken);
  expect(await run.code).toBe(1);
  expect(run.err()).toContain('The tasks of environment `counting` threw: no tasks');
  expect(at.log()).toEqual(['tasks', 'tasks', 'close {}']);
  const empty = cli('serve', at.file({ tasks: '[]' }));
  expect(await empty.code).toBe(1);
  expect(empty.err()).toContain('environment `counting` has no task');
  expect(at.log()).toEqual(['tasks', 'close {}']);
});

test('environments are closed when the command fails after they were loaded', async () => {
  const at = new Counting();
  const run = cli('serve', at.file(), '--host', '0.0.0.0');
  expect(await run.code).not.toBe(0);
  expect(at.log()).toEqual(['tasks', 'close {}']);
});

test('a process that its environment ends has failed, says so, and leaves no lock', async () => {
  const at = new Counting();
  const out = path.join(at.folder, 'out.jsonl');
  const run = ['--conditions=lachesis-source', 'src/cli/run.ts', 'process'];
  await using program = new Program(
    process.execPath,
    [...run, at.file({ close: '() => process.exit(0)' }), '--out', out],
    { cwd: path.resolve(import.meta.dirname, '../..') },
  );
  expect(await program.exited).toBe(1);
  expect(program.everything).toContain(
    'lachesis: process.exit(0) was called before the command was done, probably by an environment.\n',
  );
  expect(existsSync(out)).toBe(true);
  expect(existsSync(`${out}.lock`)).toBe(false);
});
