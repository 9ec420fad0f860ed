// A program of the tests: leaves a sandbox with a command in it to whoever looks after it is killed.
import { createProcessBackend } from '../../../../src/sandbox/index.ts';

const backend = createProcessBackend({
  folder: process.argv[2] ?? '',
  allowRoot: true,
  onWarning: () => {},
});
const { signal } = new AbortController();
const tags = { owner: 'the one that was killed' };
const sandbox = await backend.create({}, { signal, tags });
const left = await sandbox.spawn({ argv: ['sleep', '1000'] });
setTimeout(() => console.log(left.id), 300);
