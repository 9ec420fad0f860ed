import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { startServer } from '../../src/server/index.ts';
import { DEFAULT_LISTENER_TIMEOUTS } from '../../src/transport/server/listener-options.ts';
import { group, settings } from '../broker/support/groups.ts';
import { cli } from '../cli/support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-operating-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/operating.md'), 'utf8');

test('the commands of docs/operating.md do what they say, and show what its table names', async () => {
  const token = 'operator-token-of-this-test-0123456789';
  const credentials = path.join(folder, 'tokens.json');
  writeFileSync(credentials, JSON.stringify({ operator: token }), { mode: 0o600 });
  const broker = createMemoryBroker();
  await broker.openRun('my-run', settings(), 0);
  await broker.submit(group('g', 1, { runId: 'my-run' }));
  const consumer = { runId: 'my-run', consumerId: 'eval', worldSize: 1 };
  await broker.registerConsumer({ ...consumer, mode: 'fan_out' });
  await using server = await startServer({
    environments: [],
    broker,
    auth: { kind: 'credentials', credentials: [{ scope: 'operator', token }] },
  });
  const own = ['--server', `127.0.0.1:${server.port}`, '--credentials', credentials];
  const said: string[] = [];
  const commands = [...page.matchAll(/^ {4}npx lachesis (\S.*)$/gm)];
  expect(commands).toHaveLength(5);
  for (const [, command = ''] of commands) {
    const run = cli(...command.split(' '), ...own);
    if (command.includes('watch')) {
      await run.until(/\n/);
      run.stop();
    }
    expect(await run.code, run.err()).toBe(0);
    said.push(run.out());
  }
  const [list, status = '', json = '', watched = '', dropped] = said;
  expect(dropped).toContain('eval is out of my-run');
  expect(list).toMatch(/^my-run +open /m);
  const rows = [...page.matchAll(/^\| ([\w ]+?)(?:, ([\w ]+?))? \|/gm)].slice(1);
  const names = rows.flatMap(([, ...both]) => both.filter((name) => name !== undefined));
  expect(names).toHaveLength(12);
  // Nothing is held in this run.
  const held = ['batch held by', 'worker'];
  for (const name of names.filter((name) => !held.includes(name)))
    expect(status, name).toMatch(new RegExp(`^ *${name} `, 'm'));
  for (const line of [json, watched.split('\n')[0]!]) {
    expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), waitingGroups: 1 });
  }
  await broker.close();
});

test('the server notices a peer that is gone as soon as docs/operating.md says', () => {
  const { pingIntervalMs, pingTimeoutMs } = DEFAULT_LISTENER_TIMEOUTS;
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `by the server within ${(pingIntervalMs + pingTimeoutMs) / 1_000} s`,
  );
});
