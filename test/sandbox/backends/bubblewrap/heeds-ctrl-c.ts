// A program of the tests: makes a box, and once Ctrl-C was pressed still finishes what it does there.
import { once } from 'node:events';
import { createBubblewrapBackend, outputText } from '../../../../src/sandbox/index.ts';

await using backend = createBubblewrapBackend();
const box = await backend.create({}, { signal: new AbortController().signal });
const running = box.exec({ argv: ['sh', '-c', 'sleep 0.7; echo finished'] });
const pressed = once(process, 'SIGINT');
console.log('ready');
await pressed;
console.log(outputText((await running).stdout).trim());
console.log(outputText((await box.exec({ argv: ['echo', 'there still'] })).stdout).trim());
