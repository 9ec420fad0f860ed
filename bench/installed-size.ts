// The size of what `npm install lachesis` brings along: the locked run-time dependencies, installed
// in an empty directory.
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../test/package/support/program.ts';
import { report, round } from './support/report.ts';

interface Size {
  /** Of the files' contents. */
  readonly bytes: number;
  /** Of the blocks that they take on this file system, directories included. */
  readonly onDiskBytes: number;
  readonly files: number;
}

function sizeOf(entry: string): Size {
  const stats = lstatSync(entry);
  const onDiskBytes = stats.blocks * 512;
  if (!stats.isDirectory()) return { bytes: stats.size, onDiskBytes, files: 1 };
  return readdirSync(entry)
    .map((name) => sizeOf(path.join(entry, name)))
    .reduce(
      (sum, size) => ({
        bytes: sum.bytes + size.bytes,
        onDiskBytes: sum.onDiskBytes + size.onDiskBytes,
        files: sum.files + size.files,
      }),
      { bytes: 0, onDiskBytes, files: 0 },
    );
}

const megabytes = (bytes: number): number => round(bytes / 1e6, 1);

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-installed-size-'));
try {
  for (const name of ['package.json', 'package-lock.json']) {
    const file = path.resolve(import.meta.dirname, '..', name);
    const json = JSON.parse(readFileSync(file, 'utf8'));
    // Without them, or npm keeps what they share with an optional peer of a run-time dependency (zod).
    delete json.devDependencies;
    delete json.packages?.[''].devDependencies;
    writeFileSync(path.join(folder, name), JSON.stringify(json));
  }
  await run('npm', ['ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: folder,
  });
  const modules = path.join(folder, 'node_modules');
  const packages = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`)
        : [name],
    );
  const sizes = packages
    .map((name) => ({ name, ...sizeOf(path.join(modules, name)) }))
    .sort((a, b) => b.bytes - a.bytes);
  const total = sizeOf(modules);
  report('installed-size', {
    packages: packages.length,
    files: total.files,
    megabytes: megabytes(total.bytes),
    onDiskMegabytes: megabytes(total.onDiskBytes),
    largest: Object.fromEntries(
      sizes
        .slice(0, 8)
        .map(({ name, bytes, onDiskBytes }) => [
          name,
          { megabytes: megabytes(bytes), onDiskMegabytes: megabytes(onDiskBytes) },
        ]),
    ),
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
