import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBubblewrapBackend, probeBackend } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';

const never = new AbortController().signal;

describe.skipIf(noBoxes !== undefined)('trying whether boxes can be made', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'probe-'));
    chmodSync(folder, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A bwrap that fails as the real one does. */
  const failing = (name: string, words: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho "${words}" >&2\nexit 1\n`, { mode: 0o755 });
    return file;
  };
  const probeWith = async (bwrap: string) => {
    await using backend = createBubblewrapBackend({ tools: { bwrap } });
    return await backend.probe({ signal: never });
  };

  test('shows what bwrap said, and what mends it', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [
        'bwrap: No permissions to create new namespace, likely because the kernel does not allow',
        /User namespaces are off.*--security-opt/,
      ],
      [
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
        /systempaths=unconfined/,
      ],
      ['bwrap: Failed to make / slave: Permission denied', /cap-add SYS_ADMIN/],
      ['bwrap: something new', /lachesis doctor/],
    ];
    for (const [index, [words, remedy]] of cases.entries()) {
      const probe = await probeWith(failing(`bwrap-${index}`, words));
      expect(probe).toMatchObject({ works: false, remedy: expect.stringMatching(remedy) });
      expect(probe.detail).toContain(words);
      expect(probe.detail).toMatch(/\((not )?as root.*max_user_namespaces=\d+/);
      expect(probe.createMs).toBeUndefined();
    }
  });

  test('names what to install where it is missing', async () => {
    expect(await probeWith(path.join(folder, 'no-bwrap'))).toMatchObject({
      works: false,
      remedy: expect.stringContaining('apt-get install bubblewrap'),
    });
  });

  test('is given up after its time, and that is an answer too', async () => {
    const file = path.join(folder, 'hangs');
    writeFileSync(file, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    await using backend = createBubblewrapBackend({ tools: { bwrap: file } });
    const row = await probeBackend(backend, { timeoutMs: 300, signal: never });
    expect(row).toMatchObject({ backend: 'bubblewrap', isolation: 'namespace', works: false });
    expect(row.detail).toContain('300 ms');
  });

  test('tells of each backend what it gives, and how long it took', async () => {
    await using backend = createBubblewrapBackend();
    const row = await probeBackend(backend, { signal: never });
    expect(row).toMatchObject({ backend: 'bubblewrap', isolation: 'namespace', works: true });
    expect(row.createMs).toBeGreaterThan(0);
  });
});
