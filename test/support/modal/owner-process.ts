// A process that makes sandboxes on the fake and is then killed: says how many, and waits.
import { createModalBackend } from '../../../src/sandbox/index.ts';

const backend = createModalBackend({ lifetimeMs: 120_000 });
const { signal } = new AbortController();
const tags = { 'lachesis-owner': process.argv[2] ?? '' };
const made = await Promise.all(
  Array.from({ length: Number(process.argv[3]) }, () => backend.create({}, { tags, signal })),
);
await Promise.all(made.map((sandbox) => sandbox.spawn({ argv: ['sleep', '4713'] })));
process.stdout.write(`${made.length}\n`);
setInterval(() => {}, 60_000);
