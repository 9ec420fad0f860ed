// MB/s, p99 of a durable put, bytes written per payload byte and event-loop delay of the files store,
// with a commit for each payload and with one for all of a turn, beside BLOBs in SQLite with group
// commit. They take turns in one process; a turn is half a second or 128 MiB, whichever is first.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { report, round } from './support/report.ts';
import { lcg } from './support/sample-group.ts';
import { median } from './support/statistics.ts';
import { KEEPERS } from './support/store-contestants.ts';

const SIZES = [64, 256, 1_024, 4_096].map((kib) => kib * 1_024);
const PRODUCERS = [1, 8, 64];
const ROUNDS = 2;
const TURN_MS = 500;
const TURN_BYTES = 128 * 2 ** 20;

interface Turn {
  readonly mbPerSecond: number;
  readonly putP99Ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** Undefined where there is no /proc. */
  readonly written: number | undefined;
}

function diskBytes(): number | undefined {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

const next = lcg(1);
const payload = Uint8Array.from({ length: Math.max(...SIZES) }, () => next() * 256);

async function turn(name: string, size: number, producers: number): Promise<Turn> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-bench-'));
  try {
    const before = diskBytes();
    const keeper = await KEEPERS[name]!(folder);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    const latencies: number[] = [];
    let bytes = 0;
    const produce = async (id: number): Promise<void> => {
      for (let count = 0; performance.now() - start < TURN_MS && bytes < TURN_BYTES; count += 1) {
        bytes += size;
        const began = performance.now();
        await keeper.put(`groups/${id}/${count}`, payload.subarray(0, size));
        latencies.push(performance.now() - began);
        // As a server does: requests come between.
        await new Promise(setImmediate);
      }
    };
    await Promise.all(Array.from({ length: producers }, (_, id) => produce(id)));
    const seconds = (performance.now() - start) / 1_000;
    delay.disable();
    await keeper.close();
    const after = diskBytes();
    latencies.sort((a, b) => a - b);
    return {
      mbPerSecond: bytes / 1e6 / seconds,
      putP99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
      loopP99Ms: delay.percentile(99) / 1e6,
      loopMaxMs: delay.max / 1e6,
      written: before === undefined || after === undefined ? undefined : (after - before) / bytes,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const cells = [];
for (const size of SIZES) {
  for (const producers of PRODUCERS) {
    const turns = new Map<string, Turn[]>(Object.keys(KEEPERS).map((name) => [name, []]));
    for (let each = 0; each < ROUNDS; each += 1) {
      for (const [name, done] of turns) done.push(await turn(name, size, producers));
    }
    const figures = [...turns].map(([name, done]) => {
      const of = (pick: (turn: Turn) => number): number => round(median(done.map(pick)));
      return [
        name,
        {
          mbPerSecond: of(({ mbPerSecond }) => mbPerSecond),
          putP99Ms: of(({ putP99Ms }) => putP99Ms),
          loopP99Ms: of(({ loopP99Ms }) => loopP99Ms),
          loopMaxMs: of(({ loopMaxMs }) => loopMaxMs),
          writtenPerPayloadByte: of(({ written }) => written ?? Number.NaN),
        },
      ] as const;
    });
    cells.push({ kib: size / 1_024, producers, ...Object.fromEntries(figures) });
  }
}

report('store', {
  cells,
  note: 'Medians of turn by turn. Durable: fdatasync and SQLite synchronous=FULL on all sides. Written bytes are those of /proc/self/io, closing included.',
});
