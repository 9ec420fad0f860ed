import { describe, expect, test } from 'vitest';
import { createBubblewrapBackend, outputText } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';

const { signal } = new AbortController();

describe.skipIf(noBoxes !== undefined)('folders that a spec wants to be writable', () => {
  test('are empty places of the box’s own beside the working directory', async () => {
    await using backend = createBubblewrapBackend();
    const box = await backend.create({ workdir: '/app', writable: ['/tests', '/a/b'] }, { signal });
    const script =
      'pwd; ls -A /tests /a; echo 1 > /tests/x && echo 2 > /a/b/y && cat /tests/x /a/b/y; touch /a/z';
    const { stdout, stderr } = await box.exec({ argv: ['bash', '-c', script] });
    expect(outputText(stdout)).toBe('/app\n/a:\nb\n\n/tests:\n1\n2\n');
    expect(outputText(stderr)).toMatch(/\/a\/z.*Read-only/);
  });

  test.each([['/usr/x'], ['/etc'], ['/'], ['tests'], ['/tests/../usr']])(
    'are refused where they would hide the system’s own: %s',
    async (folder) => {
      await using backend = createBubblewrapBackend();
      const made = backend.create({ writable: [folder] }, { signal });
      await expect(made).rejects.toMatchObject({
        kind: 'invalid_input',
        field: 'sandbox.writable[0]',
      });
    },
  );
});
