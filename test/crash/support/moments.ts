import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What a server may be in the middle of. Its place here is its place in the file. */
export const PLACES = [
  'payload',
  'commit',
  'submit',
  'cut',
  'ack',
  'other',
  'submits',
  'acks',
  'asks',
] as const;
type Place = (typeof PLACES)[number];

export type Moment = Readonly<Record<Place, number>>;

export const PAYLOAD = { none: 0, writing: 1, syncing: 2 } as const;
export const COMMIT = { none: 0, logging: 1, inSqlite: 2 } as const;

/**
 * Says in a file, a byte per place, what this process is in the middle of. What was written stands there
 * also when the next instruction was never reached.
 */
export class MomentFile implements Disposable {
  readonly #file: number;
  readonly #bytes = new Uint8Array(PLACES.length);

  constructor(file: string) {
    this.#file = openSync(file, 'w');
    this.set({});
  }

  set(places: Partial<Moment>): void {
    for (const [place, value] of Object.entries(places)) {
      this.#bytes[PLACES.indexOf(place as Place)] = Math.min(255, value);
    }
    writeSync(this.#file, this.#bytes, 0, this.#bytes.length, 0);
  }

  get(place: Place): number {
    return this.#bytes[PLACES.indexOf(place)]!;
  }

  add(place: Place, by: 1 | -1): void {
    this.set({ [place]: this.get(place) + by });
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** What the process that wrote it was in the middle of when it died. */
export function readMoment(file: string): Moment {
  const bytes = readFileSync(file);
  return Object.fromEntries(PLACES.map((place, at) => [place, bytes[at] ?? 0])) as Moment;
}

/** A moment in words, as a histogram has them. */
export function momentText(moment: Moment): string {
  if (moment.commit !== COMMIT.none) {
    const where =
      moment.commit === COMMIT.logging ? 'before the commit log' : 'in the SQLite commit';
    const what = (['cut', 'ack', 'submit', 'other'] as const).filter((place) => moment[place] > 0);
    return `${where} of ${what.join(' + ')}`;
  }
  if (moment.payload === PAYLOAD.syncing) return 'in fdatasync of payloads';
  if (moment.payload === PAYLOAD.writing) return 'in a write of payloads';
  if (moment.submits > 0) return 'between two writes of a submit';
  if (moment.acks > 0) return 'between two writes of an ack';
  return 'with nothing to write';
}
