// Leases so many sandboxes of a pool until it is killed, and says when it has them.
import { createSandboxPool, isBackendName, openBackend } from '../../src/sandbox/index.ts';

const [name = '', count = '1'] = process.argv.slice(2);
if (!isBackendName(name)) throw new Error(`there is no backend ${name}`);
const backend = await openBackend(name, {
  ...{ allowRoot: true, environment: {}, onWarning: () => {} },
});
const pool = createSandboxPool({ backend, maxTotal: Number(count) });
for (let at = 0; at < Number(count); at++) {
  const lease = await pool.acquire({}, { owner: `${at}` });
  await lease.spawn({ argv: ['sleep', '3600'] });
}
process.send?.('ready');
setInterval(() => {}, 60_000);
