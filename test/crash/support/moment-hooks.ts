import type { Broker } from '../../../src/broker/index.ts';
import {
  nodeFileSystem,
  type StoreFile,
  type StoreFileSystem,
} from '../../../src/broker/stores/files/file-system.ts';
import type { BrokerStore, StoreChange } from '../../../src/broker/stores/store.ts';
import { COMMIT, type MomentFile, PAYLOAD } from './moments.ts';

/** Where a server may be told to die by its own hand. */
export const DEATHS = [
  'half a payload written',
  'payload written, not synced',
  'in fdatasync',
  'payload synced, not committed',
  'half a log entry written',
  'logged, not committed',
  'committed, not answered',
] as const;
export type Death = (typeof DEATHS)[number];

/** Called where a death may be; does not return when it is. */
export type MayDie = (death: Death) => void;

/** The disk, telling what it is in the middle of. */
export function watchedFileSystem(moments: MomentFile, mayDie: MayDie): StoreFileSystem {
  return {
    ...nodeFileSystem,
    async open(file, mode) {
      const inner = await nodeFileSystem.open(file, mode);
      if (mode === 'read') return inner;
      return file.endsWith('.seg')
        ? watchedSegment(inner, moments, mayDie)
        : watchedLog(inner, moments, mayDie);
    },
  };
}

function watchedSegment(inner: StoreFile, moments: MomentFile, mayDie: MayDie): StoreFile {
  return {
    ...passedOn(inner),
    async write(buffers, position) {
      moments.set({ payload: PAYLOAD.writing });
      const all = Buffer.concat(buffers);
      const half = all.length >> 1;
      await inner.write([all.subarray(0, half)], position);
      mayDie('half a payload written');
      await inner.write([all.subarray(half)], position + half);
      mayDie('payload written, not synced');
    },
    async datasync() {
      moments.set({ payload: PAYLOAD.syncing });
      const synced = inner.datasync();
      mayDie('in fdatasync');
      await synced;
      moments.set({ payload: PAYLOAD.none });
      mayDie('payload synced, not committed');
    },
  };
}

function watchedLog(inner: StoreFile, moments: MomentFile, mayDie: MayDie): StoreFile {
  return {
    ...passedOn(inner),
    writeSync(bytes, position) {
      const half = bytes.length >> 1;
      inner.writeSync(bytes.subarray(0, half), position);
      mayDie('half a log entry written');
      inner.writeSync(bytes.subarray(half), position + half);
      mayDie('logged, not committed');
      // A rewrite of the log writes to it without a commit.
      if (moments.get('commit') === COMMIT.logging) moments.set({ commit: COMMIT.inSqlite });
    },
  };
}

function passedOn(inner: StoreFile): StoreFile {
  return {
    write: (buffers, position) => inner.write(buffers, position),
    writeSync: (bytes, position) => inner.writeSync(bytes, position),
    read: (length, position) => inner.read(length, position),
    size: () => inner.size(),
    truncate: (length) => inner.truncate(length),
    truncateSync: (length) => inner.truncateSync(length),
    datasync: () => inner.datasync(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

/** The store, telling what it commits. */
export function watchedStore<Store extends BrokerStore>(
  store: Store,
  moments: MomentFile,
  mayDie: MayDie,
): Store {
  const cut = new Set<string>();
  return overriding(store, {
    commit: (change: StoreChange) => {
      moments.set({ commit: COMMIT.logging, ...contentOf(change, cut) });
      store.commit(change);
      mayDie('committed, not answered');
      moments.set({ commit: COMMIT.none });
    },
  } as Partial<Store>);
}

/** A batch's record that is met first is its cut; later ones are what becomes of it. */
function contentOf({ put = [] }: StoreChange, cut: Set<string>) {
  const batches = put.filter(({ key }) => key.startsWith('batch/')).map(({ key }) => key);
  const fresh = batches.filter((key) => !cut.has(key));
  for (const key of fresh) cut.add(key);
  const has = (prefix: string): boolean => put.some(({ key }) => key.startsWith(prefix));
  const content = {
    submit: has('group/') ? 1 : 0,
    cut: fresh.length > 0 ? 1 : 0,
    ack: fresh.length < batches.length || has('done/') ? 1 : 0,
  };
  return { ...content, other: Object.values(content).includes(1) ? 0 : 1 };
}

/** The broker, telling how many calls are under way. */
export function watchedBroker(broker: Broker, moments: MomentFile): Broker {
  const counted =
    <Request, Answer>(
      place: 'submits' | 'acks' | 'asks',
      call: (request: Request) => Promise<Answer>,
    ) =>
    async (request: Request): Promise<Answer> => {
      moments.add(place, 1);
      try {
        return await call(request);
      } finally {
        moments.add(place, -1);
      }
    };
  return overriding(broker, {
    submit: counted('submits', (group: Parameters<Broker['submit']>[0]) => broker.submit(group)),
    ackBatch: counted('acks', (one: Parameters<Broker['ackBatch']>[0]) => broker.ackBatch(one)),
    nextBatch: counted('asks', (one: Parameters<Broker['nextBatch']>[0]) => broker.nextBatch(one)),
  });
}

/** An object with some of its methods replaced; the others keep their `this`. */
export function overriding<Target extends object>(target: Target, own: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(Object.hasOwn(own, name) ? own : target, name) as unknown;
      return typeof value === 'function' && !Object.hasOwn(own, name) ? value.bind(target) : value;
    },
  });
}
