import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { acceptedRows } from '../atropos/support/accepted-differences.ts';

test('docs/from-atropos.md shows every accepted difference, and no other', () => {
  const page = readFileSync(
    path.resolve(import.meta.dirname, '../../docs/from-atropos.md'),
    'utf8',
  );
  const [, section = ''] = page.split('## Every difference');
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  expect(rows).toEqual(['| what | Atropos 0.4.0 | Lachesis | why |', ...acceptedRows()]);
});
