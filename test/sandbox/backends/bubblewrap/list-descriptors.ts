// A program of the tests: says as JSON which descriptors it was left, and which of them are seen in a box.

import { inheritedDescriptors } from '../../../../src/sandbox/backends/local/inherited-descriptors.ts';
import { createBubblewrapBackend, outputText } from '../../../../src/sandbox/index.ts';

await using backend = createBubblewrapBackend();
const { signal } = new AbortController();
const box = await backend.create({}, { signal });
const run = async (script: string) =>
  outputText((await box.exec({ argv: ['bash', '-c', script] })).stdout).trim();
const inBox = {
  command: (await run('ls /proc/self/fd')).split('\n'),
  secrets: await run('for f in /proc/[0-9]*/fd/*; do readlink $f; done | grep -c secret'),
};
console.log(JSON.stringify({ inherited: inheritedDescriptors(), inBox }));
