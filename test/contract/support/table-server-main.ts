// A server for tests that kill it: prints where it listens, then runs until it is killed.
import { startTableServer } from './table-server.ts';

const server = await startTableServer();
process.stdout.write(`${JSON.stringify(server.target)}\n`);
