import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

const never = new AbortController().signal;
const OWNER = path.resolve(import.meta.dirname, '../../../support/modal/owner-process.ts');

describe.skipIf(noBoxes !== undefined)('sandboxes whose owner was killed', () => {
  const bench = useFakeModal();

  /** Has a process make sandboxes with commands running in them, and kills it with SIGKILL. */
  async function orphaned(owner: string, count: number): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--conditions=lachesis-source', OWNER, owner, String(count)],
      { env: { ...process.env, ...bench.fake.env }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const closed = once(child, 'close');
    const [said] = await Promise.race([once(child.stdout, 'data'), closed]);
    expect(String(said)).toBe(`${count}\n`);
    child.kill('SIGKILL');
    await closed;
  }

  test('live on at Modal, and none is left past its lifetime', async () => {
    await orphaned('run-1', 5);
    expect(bench.fake.running.length).toBe(5);
    await bench.fake.world.advance(119_000);
    expect(bench.fake.running.length).toBe(5);
    await bench.fake.world.advance(2_000);
    expect(bench.fake.running.length).toBe(0);
  }, 40_000);

  test('are found by their tags at the next start, and ended before their time', async () => {
    await orphaned('run-2', 4);
    await bench.sandbox();
    const janitor = bench.backend();
    const found = await janitor.list({ 'lachesis-owner': 'run-2' }, never);
    expect(found.length).toBe(4);
    for (const { tags } of found) {
      expect(Number(tags['lachesis-deadline'])).toBeGreaterThan(Date.now());
    }
    await Promise.all(found.map((each) => each.terminate()));
    expect(bench.fake.running.length).toBe(1);
    expect(await janitor.list({ 'lachesis-owner': 'run-2' }, never)).toEqual([]);
  }, 40_000);
});
