import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../cli/support.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/workers.md'), 'utf8');

test('the two commands of docs/workers.md find each other', async () => {
  const commands = [...page.matchAll(/^ {4}npx lachesis (.*)$/gm)].map(([, words = '']) => words);
  expect(commands).toHaveLength(2);
  const [serve = '', play = ''] = commands;
  const server = cli(...serve.replace('7070', '0').split(' '));
  const [, address = ''] = await server.until(/listening on (\S+)/);
  const worker = cli(...play.replace('http://127.0.0.1:7070', address).split(' '));
  await worker.until(/plays shop/);
  worker.stop();
  expect(await worker.code).toBe(0);
  server.stop();
  expect(await server.code).toBe(0);
});
