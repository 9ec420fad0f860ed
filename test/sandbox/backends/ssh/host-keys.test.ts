import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { knownKeys } from '../../../../src/sandbox/backends/ssh/host-keys.ts';
import { newKey, type TestKey } from '../../../support/ssh/keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lachesis-known-hosts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const [right, wrong] = [newKey(), newKey()];
const blob = (key: TestKey): Buffer => Buffer.from(key.public.split(' ')[1] ?? '', 'base64');

async function refusal(lines: readonly string[], host = 'box.example.org', port = 22) {
  const file = path.join(folder, 'known_hosts');
  await writeFile(file, `${lines.join('\n')}\n`);
  const rule = await knownKeys({ host, port, user: 'me' }, [path.join(folder, 'none'), file]);
  return rule.refuse(blob(right))?.reason;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
}

test.each([
  ['its name', 'box.example.org'],
  ['one of several names', 'other,box.example.org'],
  ['a pattern', '*.example.org'],
  ['a question mark', 'b?x.example.org'],
  ['another case', 'BOX.example.org'],
  ['a hash', hashed('box.example.org')],
])('a host is known by %s', async (_, names) => {
  expect(await refusal([`${names} ${right.public} comment`])).toBeUndefined();
  expect(await refusal([`${names} ${wrong.public}`])).toBe('SSH_HOST_KEY_CHANGED');
  expect(await refusal([`${names} ${wrong.public}`, `${names} ${right.public}`])).toBeUndefined();
});

test.each([
  ['another name', 'box.example.com'],
  ['a pattern that leaves it out', '!box.example.org,*.example.org'],
  ['a dot that is none', 'boxxexample.org'],
  ['another port', '[box.example.org]:2222'],
  ['another hash', hashed('box.example.com')],
  ['an authority', '@cert-authority *.example.org'],
  ['a comment', '# box.example.org'],
])('a host is not known by %s', async (_, names) => {
  expect(await refusal([`${names} ${right.public}`])).toBe('SSH_HOST_KEY_UNKNOWN');
});

test('another port has a name of its own', async () => {
  const own = (names: string) => refusal([`${names} ${right.public}`], 'box', 2222);
  expect(await own('[box]:2222')).toBeUndefined();
  expect(await own(hashed('[box]:2222'))).toBeUndefined();
  expect(await own('box')).toBe('SSH_HOST_KEY_UNKNOWN');
});

test('a key that is revoked is refused, whoever else knows it', async () => {
  const lines = [`box.example.org ${right.public}`, `@revoked * ${right.public}`];
  expect(await refusal(lines)).toBe('SSH_HOST_KEY_CHANGED');
});

test('the host is asked first for a key of a kind that is known', async () => {
  const file = path.join(folder, 'known_hosts');
  const [type = ''] = newKey('ecdsa').public.split(' ');
  await writeFile(file, `box ${newKey('ecdsa').public}\n`);
  const rule = await knownKeys({ host: 'box', port: 22, user: 'me' }, [file]);
  expect(rule.algorithms[0]).toBe(type);
  expect(rule.algorithms).toContain('ssh-ed25519');
});
