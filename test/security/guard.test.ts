import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { cases } from './cases/index.ts';
import { assertPrivate, namespacesOf } from './support/guard.ts';
import type { World } from './support/world.ts';

const others = { mnt: 'mnt:[1]', pid: 'pid:[1]', user: 'user:[1]', net: 'net:[1]', ipc: 'ipc:[1]' };

test("no half of any case runs in the host's namespaces, or where nobody says which those are", async () => {
  for (const hostNamespaces of [namespacesOf('self'), undefined]) {
    // A world that has nothing: a case that got past its guard would fail in other words.
    const world = { hostNamespaces } as World;
    for (const each of cases) {
      await expect(each.box(world)).rejects.toThrow('An abuse case does not run here');
      await expect(each.control(world)).rejects.toThrow('An abuse case does not run here');
    }
  }
});

test('one namespace that is shared with the host is enough to refuse', () => {
  expect(() => assertPrivate(namespacesOf('self'), others)).not.toThrow();
  for (const kind of ['mnt', 'pid', 'user', 'net', 'ipc'] as const) {
    const own = { ...others, [kind]: namespacesOf('self')[kind] };
    expect(() => assertPrivate(namespacesOf('self'), own)).toThrow(`${own[kind]} is the host's`);
  }
});

test("the kernel's first namespaces are refused whatever the runner says", () => {
  for (const own of [
    { ...others, pid: 'pid:[4026531836]' },
    { ...others, user: 'user:[4026531837]' },
  ]) {
    expect(() => assertPrivate({ ...others, ...differing() }, own)).toThrow("the kernel's first");
  }
});

test("the worker itself ends at once when it is started in the host's namespaces", async () => {
  const worker = path.join(import.meta.dirname, 'support/worker.ts');
  const run = promisify(execFile)(process.execPath, [
    '--conditions=lachesis-source',
    worker,
    'root',
    JSON.stringify(namespacesOf('self')),
  ]);
  await expect(run).rejects.toMatchObject({
    stdout: '',
    stderr: expect.stringContaining('An abuse case does not run here'),
  });
});

function differing() {
  return { mnt: 'mnt:[2]', pid: 'pid:[2]', user: 'user:[2]', net: 'net:[2]', ipc: 'ipc:[2]' };
}
