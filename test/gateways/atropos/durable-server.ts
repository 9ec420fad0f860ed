// The gateway over a store on the disk, as a process of its own: durable-server.ts FOLDER PORT.
import path from 'node:path';
import { openDurableBroker, openFilesStore } from '../../../src/broker/index.ts';
import { startAtroposGateway } from '../../../src/gateways/index.ts';

const [folder = '', port = '0'] = process.argv.slice(2);
const store = await openFilesStore(path.join(folder, 'store'));
const gateway = await startAtroposGateway({
  broker: openDurableBroker({ store }),
  port: Number(port),
  sessionFile: path.join(folder, 'session'),
});
process.stdout.write(`atropos on ${gateway.address}\n`);
