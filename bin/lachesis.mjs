#!/usr/bin/env node
// The `lachesis` command. In a checkout it runs the sources, in an installed package the build.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const built = path.join(root, 'dist', 'src', 'cli', 'run.js');
const sources = path.join(root, 'scripts', 'run.mjs');

if (existsSync(sources)) {
  // scripts/ is never published, so this is a checkout.
  const args = [sources, path.join(root, 'src', 'cli', 'run.ts'), ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    process.stderr.write(
      `lachesis needs Node 22.18 or newer and this is ${process.versions.node}. ` +
        'Install a newer one, or bring it with the project: npm install --save-dev node@24\n',
    );
    process.exit(1);
  }
  await import(pathToFileURL(built).href);
}
