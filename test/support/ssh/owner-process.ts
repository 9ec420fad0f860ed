// A process that leases sandboxes on a host with commands running in them, and is then killed: says their ids, and waits.
import { createSandboxPool, createSshBackend } from '../../../src/sandbox/index.ts';

const backend = createSshBackend(JSON.parse(process.argv[2] ?? '{}'));
const pool = createSandboxPool({ backend, maxTotal: 8 });
const leases = await Promise.all(
  Array.from({ length: Number(process.argv[3]) }, (_, i) => pool.acquire({}, { owner: `o${i}` })),
);
for (const lease of leases) await lease.spawn({ argv: ['sleep', '4714'] });
process.stdout.write(`${leases.map(({ id }) => id).join(' ')}\n`);
setInterval(() => {}, 60_000);
