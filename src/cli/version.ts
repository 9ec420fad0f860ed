import { readFile } from 'node:fs/promises';

/** The version of this package, from its own package.json. */
export async function packageVersion(): Promise<string> {
  // One level further up when this file runs from dist/src/cli.
  for (const up of ['../../', '../../../']) {
    const text = await readFile(new URL(`${up}package.json`, import.meta.url), 'utf8').catch(
      () => undefined,
    );
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return 'unknown';
}
