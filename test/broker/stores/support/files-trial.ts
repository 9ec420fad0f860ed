import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { checkStore } from '../../../../src/broker/stores/files/check-store.ts';
import { openStoreOn } from '../../../../src/broker/stores/files/open.ts';
import { reindexStore } from '../../../../src/broker/stores/files/reindex-store.ts';
import { StoreIndex } from '../../../../src/broker/stores/files/store-index.ts';
import type { BrokerStore } from '../../../../src/broker/stores/store.ts';
import type { StoreOnTrial } from '../conformance.ts';
import { bytesOf } from './bytes.ts';
import { FaultyFileSystem } from './faulty-file-system.ts';

const { signal } = new AbortController();

/** All that the index of a store that nobody has open says. */
function indexOf(folder: string): unknown {
  using index = StoreIndex.open(path.join(folder, 'index.db'), 'none');
  return [[...index.recordPages('')].flat(), [...index.payloadPages()].flat()];
}

/** `fsck` finds nothing, and an index that is lost is made again as it was. */
export async function expectSound(folder: string): Promise<void> {
  const before = await checkStore(folder, { signal });
  expect(before).toMatchObject({ problemCount: 0, problems: [] });
  const said = indexOf(folder);
  for (const end of ['', '-wal']) rmSync(path.join(folder, `index.db${end}`), { force: true });
  const { records, payloads } = before;
  const report = await reindexStore(folder, { signal });
  expect(report).toMatchObject({ records, payloads, isWhole: true, missingCommits: 0, lost: [] });
  expect(await checkStore(folder, { signal })).toEqual(before);
  expect(indexOf(folder)).toEqual(said);
}

/** The files driver, with segments and logs so small that they turn over all the time. */
export async function filesTrial(): Promise<StoreOnTrial> {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-store-'));
  let life = 0;
  let fileSystem = new FaultyFileSystem();
  let opened: BrokerStore | undefined;
  const folder = (): string => path.join(root, String(life));
  return {
    open: async () => {
      fileSystem = new FaultyFileSystem();
      opened = await openStoreOn(folder(), {
        ...{ fileSystem, segmentBytes: 6_000, logBytes: 2_000, maxPayloadBytes: 10_000 },
      });
      return opened;
    },
    crash: async (store, { during, at, tear, lived }) => {
      const copy = path.join(root, String(life + 1));
      let left = at;
      let isCopied = false;
      const die = (): void => {
        if (isCopied) return;
        isCopied = true;
        FaultyFileSystem.copy(folder(), copy);
      };
      fileSystem.moment = () => {
        if (left-- === 0) die();
      };
      await during();
      die();
      fileSystem.moment = () => {};
      await store.close();
      rmSync(folder(), { recursive: true });
      life += 1;
      const last = readdirSync(copy)
        .filter((name) => name.endsWith('.seg'))
        .sort()
        .at(-1);
      if (last === undefined) return;
      const file = path.join(copy, last);
      const { size } = statSync(file);
      const held = lived.filter(({ segment }) => segment === Number.parseInt(last, 10));
      const end = Math.max(...held.map(({ offset, length }) => offset + length), 32);
      if (tear < 0.5) truncateSync(file, end + Math.floor((size - end) * tear * 2));
      else appendFileSync(file, bytesOf(Math.floor(tear * 200), at));
    },
    [Symbol.asyncDispose]: async () => {
      await opened?.close();
      if (opened !== undefined) await expectSound(folder());
      rmSync(root, { recursive: true, force: true });
    },
  };
}
