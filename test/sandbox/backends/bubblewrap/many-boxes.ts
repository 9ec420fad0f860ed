// A program of the tests: makes boxes with a command and a daemon in each, says so, and waits to be killed.
import { createBubblewrapBackend } from '../../../../src/sandbox/index.ts';

const [count = '1', word = 'word'] = process.argv.slice(2);
const backend = createBubblewrapBackend();
const { signal } = new AbortController();
const boxes = await Promise.all(
  Array.from({ length: Number(count) }, () => backend.create({}, { signal })),
);
await Promise.all(
  boxes.map(async (box) => {
    const daemon = `setsid -f bash -c 'exec -a ${word} sleep 1000' >/dev/null 2>&1 </dev/null`;
    await box.exec({ argv: ['bash', '-c', daemon] });
    await box.spawn({ argv: ['bash', '-c', `exec -a ${word} sleep 1000`] });
  }),
);
await new Promise((resolve) => setTimeout(resolve, 500));
console.log(`${boxes.length} ready`);
