import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { noBoxes } from '../../../support/boxes.ts';

describe.skipIf(noBoxes !== undefined)('a descriptor that our own parent left open to us', () => {
  test('is not passed on into a box, whatever its number', { timeout: 60_000 }, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'descriptors-'));
    const file = path.join(folder, 'secret');
    writeFileSync(file, 'host-secret');
    const fd = openSync(file, 'r');
    try {
      const program = path.join(import.meta.dirname, 'list-descriptors.ts');
      const stdio = Array.from({ length: 41 }, (_, i) => (i === 9 || i === 40 ? fd : undefined));
      const ran = spawnSync(process.execPath, ['--conditions=lachesis-source', program], {
        encoding: 'utf8',
        timeout: 50_000,
        stdio: ['ignore', 'pipe', 'pipe', ...stdio.slice(3).map((each) => each ?? 'ignore')],
      });
      expect(ran.stderr).toBe('');
      const { inherited, inBox } = JSON.parse(ran.stdout);
      // The control: our child has it, and would pass it on.
      expect(inherited).toContain(40);
      expect(inBox).toEqual({ command: ['0', '1', '2', '3'], secrets: '0' });
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
