import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { noBoxes } from '../../../support/boxes.ts';

const program = path.join(import.meta.dirname, 'one-box.ts');
const isRoot = process.getuid?.() === 0;
/** A user that nothing else on the machine is. */
const STRANGER = 54_321;

describe.skipIf(noBoxes !== undefined)('without being root', () => {
  test('a box is made, entered, kept to its limits and ended just so', { timeout: 60_000 }, () => {
    const node = [process.execPath, '--conditions=lachesis-source', program];
    const drop = ['--reuid', String(STRANGER), '--regid', String(STRANGER), '--clear-groups'];
    const [command = '', ...args] = isRoot ? ['setpriv', ...drop, ...node] : node;
    const ran = spawnSync(command, args, { encoding: 'utf8', timeout: 50_000, cwd: '/' });
    expect(ran.stderr).toBe('');
    expect(JSON.parse(ran.stdout)).toEqual({
      probe: true,
      who: `${isRoot ? STRANGER : process.getuid?.()} agent`,
      streams: 'in',
      caps: 'CapEff: 0000000000000000 NoNewPrivs: 1',
      root: 'read-only',
      processes: 'Cannot fork',
      memory: 'MemoryError',
      timedOut: 124,
      killed: 137,
      secret: '',
      gone: 'SANDBOX_GONE',
    });
  });
});
