// A server without environments of its own, over a store, for tests that kill it: PORT FOLDER.
import { openDurableBroker, openFilesStore } from '../../../src/broker/index.ts';
import { startServer } from '../../../src/server/index.ts';

const [port = '0', folder = ''] = process.argv.slice(2);
const store = await openFilesStore(folder);
const broker = openDurableBroker({ store, assignmentLeaseMs: 5_000 });
const server = await startServer({ environments: [], broker, port: Number(port) });
process.stdout.write(`listening on ${server.address}\n`);
