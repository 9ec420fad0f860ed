// Fills a durable broker until it is killed: usage recovery-filler.ts FOLDER BYTES. Says `full` once so many
// payload bytes are in, and goes on.
import { openDurableBroker, openFilesStore } from '../../src/broker/index.ts';
import { encodeGroup, toStoredGroup } from '../../src/contract/index.ts';
import { runSettings } from './run-settings.ts';
import { sampleGroup } from './sample-group.ts';

const [folder = '', bytes = '0'] = process.argv.slice(2);
const IN_FLIGHT = 32;
const ROLLOUTS = 8;
const settings = runSettings(16 * ROLLOUTS);
const broker = openDurableBroker({ store: await openFilesStore(folder) });
await broker.openRun('bench', settings, 0);

const shape = { rollouts: ROLLOUTS, tokens: 2_048, promptTokens: 512 };
const encoding = encodeGroup(sampleGroup({ id: 'sample', runId: 'bench', ...shape }), {
  policy: settings,
});
if (encoding.kind === 'dropped') throw new Error(encoding.reason);
const { header, headerBytes, parts } = encoding.encoded;
// The header says another id, which the broker never reads.
const sample = toStoredGroup(header, headerBytes, parts);

let next = 0;
let stored = 0;
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (;;) {
      next += 1;
      await broker.submit({ ...sample, id: `g${next}` });
      const before = stored;
      stored += sample.payload.byteLength;
      if (before < Number(bytes) && stored >= Number(bytes)) console.log(`full ${next}`);
    }
  }),
);
