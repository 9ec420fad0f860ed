import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

test('the `modal` dependency is the sandbox SDK, pinned exactly', async () => {
  const manifest = JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8'),
  );
  // npm's `latest` of this name is another project, so a range would bring the wrong package.
  expect(manifest.dependencies.modal).toBe('0.11.1');
  const modal = await import('modal');
  expect(modal.ModalClient).toBeTypeOf('function');
});
