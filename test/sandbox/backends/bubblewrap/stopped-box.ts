// A program of the tests: holds a box in which a command has stopped itself, until it is killed.
import { setTimeout as pause } from 'node:timers/promises';
import { processFacts } from '../../../../src/sandbox/backends/local/process-table.ts';
import { createBubblewrapBackend } from '../../../../src/sandbox/index.ts';

const backend = createBubblewrapBackend();
const box = await backend.create({}, { signal: new AbortController().signal });
const entered = await box.spawn({ argv: ['bash', '-c', 'kill -STOP $$'] });
while (processFacts(Number(entered.id))?.state !== 'T') await pause(10);
console.log('stopped');
setInterval(() => {}, 1_000);
