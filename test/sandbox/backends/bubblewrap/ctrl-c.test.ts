import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Program } from '../../../package/support/program.ts';
import { noBoxes } from '../../../support/boxes.ts';

describe.skipIf(noBoxes !== undefined)('Ctrl-C, which a terminal tells the whole group', () => {
  test('ends no box: that is for whoever made it', async () => {
    const file = path.join(import.meta.dirname, 'heeds-ctrl-c.ts');
    const args = ['--conditions=lachesis-source', file];
    await using program = new Program(process.execPath, args, { cwd: import.meta.dirname });
    await program.said(/ready/);
    program.signal('SIGINT');
    expect(await program.exited, program.everything).toBe(0);
    expect(program.output).toBe('ready\nfinished\nthere still\n');
  }, 30_000);
});
