// A server as `lachesis serve` has it, leaner to start, with hooks: `node server-child.ts OPTIONS-AS-JSON`.
// It says `listening` once it serves. Told to die somewhere, it kills itself there as `kill -9` would.
import module from 'node:module';
import type { Death } from './moment-hooks.ts';

export interface ServerChildOptions {
  readonly folder: string;
  readonly port: number;
  readonly moments: string;
  /** Where it dies, at the so manieth time. */
  readonly death?: { readonly at: Death; readonly count: number };
  /** Whose answers come before they are true. Default: nobody's. */
  readonly liar?: 'store' | 'disk';
  readonly segmentBytes: number;
  readonly logBytes: number;
  readonly compileCache: string;
}

const options = JSON.parse(process.argv[2] ?? '') as ServerChildOptions;
module.enableCompileCache(options.compileCache);

const { openDurableBroker } = await import('../../../src/broker/index.ts');
const { openStoreOn } = await import('../../../src/broker/stores/files/open.ts');
const { startServer } = await import('../../../src/server/index.ts');
const { earlyStore } = await import('./early-store.ts');
const { lateFileSystem } = await import('./late-file-system.ts');
const hooks = await import('./moment-hooks.ts');
const { MomentFile } = await import('./moments.ts');

/** How much later than its answer a liar's work is done. */
const LATER_MS = { store: 60, disk: 150 } as const;

const { folder, port, death, liar, segmentBytes, logBytes } = options;
const moments = new MomentFile(options.moments);
let left = death?.count ?? 0;
const mayDie = (at: Death): void => {
  if (at !== death?.at) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
};
const fileSystem =
  liar === 'disk' ? lateFileSystem(LATER_MS.disk) : hooks.watchedFileSystem(moments, mayDie);
const opened = await openStoreOn(folder, { fileSystem, segmentBytes, logBytes });
const kept = liar === 'store' ? earlyStore(opened, LATER_MS.store) : opened;
const store = hooks.watchedStore(kept, moments, mayDie);
const broker = openDurableBroker({
  store,
  limits: { replayBytes: 4 * 2 ** 20 },
  onFailure: (error) => {
    throw error;
  },
});
await startServer({
  environments: [],
  worker: false,
  auth: { kind: 'none' },
  broker: hooks.watchedBroker(broker, moments),
  port,
});
process.stdout.write('listening\n');
// Whoever started it is gone.
process.stdin.resume().once('end', () => process.exit(1));
