// A server of its own, for the cases in which the server is what comes to harm. Started by a case only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createBubblewrapBackend, createProcessBackend } from '../../../src/sandbox/index.ts';
import { assertPrivate } from './guard.ts';

const [role = '', host, folder = '', word = ''] = process.argv.slice(2);
assertPrivate(host === undefined ? undefined : JSON.parse(host));
const signal = new AbortController().signal;
const plains = createProcessBackend({
  folder: `${folder}/plain`,
  allowRoot: true,
  onWarning: () => {},
});
const boxes = createBubblewrapBackend({ users: { first: 20_000, count: 100 } });

if (role === 'kill-all') {
  // Without a /proc of its own it would find nobody to sweep; with one it needs no more than this.
  const neighbour = spawn('sleep', ['60']);
  const ended = once(neighbour, 'exit');
  const plain = await plains.create({}, { signal });
  void plain.exec({ argv: ['bash', '-c', 'kill -9 -1'] }, { timeoutMs: 5_000 }).catch(() => {});
  const [, by] = await ended;
  console.log(`neighbour ended by ${by}`);
  process.exit(0);
}
const backend = role === 'owner-of-box' ? boxes : plains;
const sandbox = await backend.create({}, { signal, tags: { owner: 'orphan' } });
await sandbox.exec(
  { argv: ['bash', '-c', `exec -a ${word} sleep 300`] },
  { timeoutMs: Number.POSITIVE_INFINITY },
);
