// Holds so many sandboxes of a backend until it is killed, and says when it has them.
import { isBackendName, openBackend } from '../../src/sandbox/index.ts';

const [name = '', count = '1'] = process.argv.slice(2);
if (!isBackendName(name)) throw new Error(`there is no backend ${name}`);
const backend = await openBackend(name, {
  ...{ allowRoot: true, environment: {}, onWarning: () => {} },
});
const { signal } = new AbortController();
for (let at = 0; at < Number(count); at++) {
  const sandbox = await backend.create({}, { signal });
  await sandbox.spawn({ argv: ['sleep', '3600'] });
}
process.send?.('ready');
setInterval(() => {}, 60_000);
