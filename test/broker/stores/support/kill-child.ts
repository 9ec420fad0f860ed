// A process of the kill test: four producers that keep and release payloads until they are killed.
// It says what it is about to do, and what has been done once the commit has returned.
import { writeSync } from 'node:fs';
import { openStoreOn } from '../../../../src/broker/stores/files/open.ts';
import type { PayloadRef } from '../../../../src/broker/stores/store.ts';
import { payloadOf } from './bytes.ts';

const [folder = '', life = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const store = await openStoreOn(folder, { segmentBytes: 500_000, logBytes: 20_000 });
const say = (line: string): void => void writeSync(1, `${line}\n`);
const encoder = new TextEncoder();

async function produce(id: number): Promise<void> {
  const kept: { readonly key: string; readonly ref: PayloadRef }[] = [];
  for (let round = 0; ; round += 1) {
    const key = `g/${life}/${id}/${round}`;
    const bytes = payloadOf(key);
    const chunks = [bytes.subarray(0, 100), bytes.subarray(100)];
    const [ref] = await store.append([{ label: key, chunks }], { signal });
    // Two records and, at times, the end of an older one: all of it or none.
    const old = round % 3 === 2 ? kept.shift() : undefined;
    const value = encoder.encode(JSON.stringify(ref));
    say(`try ${key}${old === undefined ? '' : ` ${old.key}`}`);
    store.commit({
      put: [
        { key, value },
        { key: `twin/${key}`, value },
      ],
      cites: [ref!],
      ...(old && { remove: [old.key, `twin/${old.key}`], releases: [old.ref] }),
    });
    say(`did ${key}`);
    kept.push({ key, ref: ref! });
  }
}

await Promise.all([0, 1, 2, 3].map(produce));
