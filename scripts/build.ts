// Emits dist/: JavaScript and declarations of src/ and gen/. Runs at `npm pack`.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { binary, exec, root } from './suites.ts';

rmSync(path.join(root, 'dist'), { recursive: true, force: true });
process.exitCode = await exec(binary('tsc'), ['-p', 'tsconfig.build.json']);
