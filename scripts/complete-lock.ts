// Adds to package-lock.json the packages of other platforms that `npm install` left out. Some
// registries do not carry them; npm then drops them from the lock, and `npm ci` refuses the lock.
// Run it after every `npm install` that changes the lock; test/package/lock.test.ts tells.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './suites.ts';

interface LockedPackage {
  readonly version: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = path.join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> };

for (const { optionalDependencies = {}, dev } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`;
    const isExact = /^\d+\.\d+\.\d+$/.test(version);
    if (key in lock.packages || !isExact) continue;
    lock.packages[key] = platformPackage(name, version, dev === true);
    console.log(`added ${name}@${version}`);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
writeFileSync(
  file,
  `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`,
);

/** The lock entry of a package whose name ends in its platform: `@biomejs/cli-linux-x64-musl`. */
function platformPackage(name: string, version: string, dev: boolean): LockedPackage {
  const words = name.split(/[-/]/);
  const os = words.find((word) => /^(darwin|linux|win32|android|freebsd)$/.test(word));
  const cpu = words.find((word) => /^(arm64|x64|arm|armv7|ia32)$/.test(word));
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu === 'armv7' ? 'arm' : cpu] }),
    ...(dev ? { dev } : {}),
    ...(words.includes('musl') ? { libc: ['musl'] } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}
