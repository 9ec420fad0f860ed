import { readFileSync } from 'node:fs';
import path from 'node:path';

const readme = readFileSync(path.resolve(import.meta.dirname, '../../../README.md'), 'utf8');

/** The block of code that begins with the comment `// <file>`. */
export function codeBlock(file: string): string {
  for (const [, code = ''] of readme.matchAll(/^```ts\n(.*?)^```$/gms)) {
    if (code.startsWith(`// ${file}\n`)) return code;
  }
  throw new Error(`README.md has no block of code that begins with // ${file}.`);
}
