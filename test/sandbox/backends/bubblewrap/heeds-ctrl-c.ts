// A program of the tests: makes a box, and once Ctrl-C was pressed still finishes what it does there.
import { once } from 'node:events';
import { createBubblewrapBackend, outputText } from '../../../../src/sandbox/index.ts';

await using backend = createBubblewrapBackend();
const box = await backend.create({}, { signal: new AbortController().signal });
const begun = Promise.withResolvers<void>();
const running = box.exec(
  { argv: ['sh', '-c', 'echo begun >&2; sleep 0.7; echo finished'] },
  { onChunk: () => begun.resolve() },
);
const pressed = once(process, 'SIGINT');
await begun.promise;
console.log('ready');
await pressed;
console.log(outputText((await running).stdout).trim());
console.log(outputText((await box.exec({ argv: ['echo', 'there still'] })).stdout).trim());
