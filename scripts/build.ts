// Emits dist/: JavaScript and declarations of src/ and gen/, and of the two examples that
// `lachesis start` runs. Runs at `npm pack`.
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary, exec, root } from './suites.ts';

const dist = path.join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const code = await exec(binary('tsc'), ['-p', 'tsconfig.build.json']);
// The compiler rewrites `.ts` imports in what it emits as JavaScript, and leaves declarations as they are.
for (const file of globSync('**/*.d.ts', { cwd: dist }).map((name) => path.join(dist, name))) {
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(?=['"])/g, '$1.js'),
  );
}
process.exitCode = code;
