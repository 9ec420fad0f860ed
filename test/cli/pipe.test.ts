import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const fixture = path.join(root, 'test/cli/export');

test('a reader that has enough ends a command without an error', async () => {
  const run = `${process.execPath} --conditions=lachesis-source src/cli/run.ts`;
  const files = Array(200).fill(`$(ls ${fixture}/*.jsonl | head -n 1)`).join(' ');
  const script = `set -o pipefail; ${run} export ${files} --format jsonl --out - | head -n 1`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: root });
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
});
