import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const PROGRAMS = [
  'sh',
  'cat',
  'ls',
  'mkdir',
  'stat',
  'tar',
  'true',
  'sleep',
  'pwd',
  'id',
  'printf',
];

/** A root file system with a few of the host's programs and the libraries that they need, in an empty folder. */
export function makeRootfs(folder: string): void {
  for (const name of ['usr/bin', 'etc', 'opt', 'app']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  symlinkSync('usr/bin', path.join(folder, 'bin'));
  writeFileSync(path.join(folder, 'etc/passwd'), 'imaged:x:7:7::/:/bin/sh\n');
  writeFileSync(path.join(folder, 'opt/marker'), 'of the image\n');
  const libraries = new Set<string>();
  for (const program of PROGRAMS) {
    const file = spawnSync(
      '/bin/sh',
      ['-c', `command -v /usr/bin/${program} || command -v /bin/${program}`],
      { encoding: 'utf8' },
    ).stdout.trim();
    copyFileSync(file, path.join(folder, 'usr/bin', program));
    const listed = spawnSync('ldd', [file], { encoding: 'utf8' }).stdout;
    for (const [library] of listed.matchAll(/\/\S+\.so\S*/g)) libraries.add(library);
  }
  for (const library of libraries) {
    const target = path.join(folder, library);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(library, target);
  }
}
