import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  baselineImage,
  buf,
  generatePython,
  generateTypeScript,
  pythonStubs,
  root,
} from '../../scripts/generate.ts';
import { ensurePython } from '../../scripts/python.ts';

const generator = await ensurePython({ generator: true });

describe('the schema', () => {
  it('is lint-free', () => {
    expect(buf('lint')).toBe('');
  });

  it('is formatted', () => {
    expect(buf('format', 'proto', '--diff', '--exit-code')).toBe('');
  });

  it('breaks nothing of the baseline image', () => {
    expect(buf('breaking', 'proto', '--against', baselineImage)).toBe('');
  });
});

describe('generated code', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-generated-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('in gen/ is fresh', () => {
    generateTypeScript(folder);
    expectSameFiles(path.join(root, 'gen'), path.join(folder, 'gen'), /\.ts$/);
  });

  const why = 'skipped' in generator ? `: skipped, ${generator.skipped}` : '';
  it.skipIf('skipped' in generator)(`in python/ is fresh${why}`, () => {
    if ('skipped' in generator) return;
    const to = path.join(folder, 'python');
    generatePython(generator.python, to);
    expectSameFiles(path.join(root, pythonStubs), to, /_pb2(_grpc)?\.pyi?$/);
  });
});

function expectSameFiles(committed: string, fresh: string, pattern: RegExp): void {
  const list = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => pattern.test(name))
      .sort();
  expect(list(committed)).toEqual(list(fresh));
  const stale = list(fresh).filter(
    (name) =>
      readFileSync(path.join(committed, name), 'utf8') !==
      readFileSync(path.join(fresh, name), 'utf8'),
  );
  expect(stale, 'run npm run generate').toEqual([]);
}
