import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openStoreOn } from '../../../src/broker/stores/files/open.ts';
import type { PayloadRef } from '../../../src/broker/stores/store.ts';
import { payloadOf } from './support/bytes.ts';
import { expectSound } from './support/files-trial.ts';

const { signal } = new AbortController();
const LIVES = 24;

/** What one commit was to do, and whether it returned. */
interface Attempt {
  readonly key: string;
  readonly removed: string | undefined;
  isDone: boolean;
}

/** Starts a process, kills it once it has said so many lines, and gives all that it said. */
async function liveAndDie(folder: string, life: number, lines: number): Promise<string[]> {
  const file = path.join(import.meta.dirname, 'support/kill-child.ts');
  const child = spawn(
    process.execPath,
    [
      '--conditions=lachesis-source',
      '--disable-warning=ExperimentalWarning',
      file,
      folder,
      `${life}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    let said = '';
    const enough = Promise.withResolvers<void>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.split('\n').length > lines) enough.resolve();
    });
    const ended = once(child, 'close');
    await Promise.race([enough.promise, ended]);
    // No two processes ever share a folder.
    await expect(openStoreOn(folder, {})).rejects.toMatchObject({ reason: 'LOCKED' });
    // Anywhere in what follows: a write, a sync, a commit.
    await wait((life * 7) % 5);
    child.kill('SIGKILL');
    const [code, killedBy] = await ended;
    expect([code, killedBy]).toEqual([null, 'SIGKILL']);
    return said.split('\n').slice(0, -1);
  } finally {
    child.kill('SIGKILL');
  }
}

function attemptsIn(lines: readonly string[]): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const line of lines) {
    const [word, key = '', removed] = line.split(' ');
    if (word === 'try') attempts.set(key, { key, removed, isDone: false });
    else attempts.get(key)!.isDone = true;
  }
  return [...attempts.values()];
}

test(`of ${LIVES} processes killed under load, nothing acknowledged is lost or altered, and nothing is half there`, async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-kill-'));
  const folder = path.join(root, 'store');
  /** What must be there by all that was said. */
  const live = new Set<string>();
  let acknowledged = 0;
  try {
    for (let life = 0; life < LIVES; life += 1) {
      const attempts = attemptsIn(await liveAndDie(folder, life, 5 + ((life * 37) % 150)));
      const store = await openStoreOn(folder, {});
      const found = new Map([...store.records('g/')].map(({ key, value }) => [key, value]));
      const twins = [...store.records('twin/')].map(({ key }) => key.replace('twin/', ''));
      expect(twins).toEqual([...found.keys()]);
      for (const { key, removed, isDone } of attempts) {
        if (isDone) acknowledged += 1;
        // Whole or not at all, when nobody was told.
        const isThere = isDone || (found.has(key) && !found.has(removed ?? ''));
        if (isThere) live.add(key);
        if (isThere && removed !== undefined) live.delete(removed);
      }
      expect([...found.keys()].sort()).toEqual([...live].sort());
      for (const [key, value] of found) {
        const ref = JSON.parse(new TextDecoder().decode(value)) as PayloadRef;
        const bytes = await store.read(ref, { signal });
        expect(Buffer.compare(bytes, payloadOf(key))).toBe(0);
      }
      await store.close();
      if (life % 6 === 5) await expectSound(folder);
    }
    expect(acknowledged).toBeGreaterThan(LIVES * 20);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}, 120_000);
