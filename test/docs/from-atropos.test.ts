import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { acceptedRows } from '../atropos/support/accepted-differences.ts';
import { cli } from '../cli/support.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/from-atropos.md'), 'utf8');

test('the commands of docs/from-atropos.md move a user to a server that answers', async () => {
  const [serve = ''] = /^ {4}npx lachesis serve .*$/m.exec(page) ?? [];
  const words = serve.trim().split(' ').slice(2);
  const run = cli(...words.map((word) => (word === '8000' ? '0' : word)));
  const [, address = ''] = await run.until(/atropos on (\S+)/);
  const asked = [...page.matchAll(/^ +(curl .*)$/gm)].map(([, command = '']) => command);
  const answers = [];
  for (const command of asked) {
    expect(command).toContain('http://localhost:8000/');
    const real = command.replace('http://localhost:8000', address);
    const { stdout } = await promisify(execFile)('bash', ['-c', real], { timeout: 10_000 });
    answers.push(JSON.parse(stdout));
  }
  expect(answers).toEqual([
    { batch_size: -1, max_token_len: -1 },
    { status: 'error', message: expect.stringContaining('/register'), batch: [] },
    { current_step: 0, queue_size: 0 },
  ]);
  run.stop();
  expect(await run.code).toBe(0);
});

test('docs/from-atropos.md shows every accepted difference, and no other', () => {
  const [, section = ''] = page.split('## Every difference');
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  expect(rows).toEqual(['| what | Atropos 0.4.0 | Lachesis | why |', ...acceptedRows()]);
});
