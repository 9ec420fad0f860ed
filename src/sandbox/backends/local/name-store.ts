/** Sets made at first, since most sandboxes run few commands and the first of these waits for them. */
const FIRST_BATCH = 4;
/** Sets made at a time in the end: one process makes them all, so each costs next to nothing. */
const MAX_BATCH = 48;

/** The names that one command is given: four named pipes, and an empty file. */
export interface PipeNames {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly mark: string;
  readonly file: string;
}

export interface NamesToMake {
  readonly pipes: readonly string[];
  readonly files: readonly string[];
}

/** Named pipes and files that wait to be opened, each once. */
export class NameStore {
  readonly #make: (names: NamesToMake) => Promise<void>;
  readonly #ready: PipeNames[] = [];
  #making: Promise<void> | undefined;
  #batch = FIRST_BATCH;
  #count = 0;

  /** `make` makes them; nothing else ever writes where it does. */
  constructor(make: (names: NamesToMake) => Promise<void>) {
    this.#make = make;
  }

  async take(): Promise<PipeNames> {
    for (;;) {
      const names = this.#ready.shift();
      if (names === undefined) {
        await this.#refill();
        continue;
      }
      // Whoever finds it empty is told what failed.
      if (this.#ready.length < this.#batch / 4) this.#refill().catch(() => {});
      return names;
    }
  }

  #refill(): Promise<void> {
    this.#making ??= this.#makeBatch().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeBatch(): Promise<void> {
    const sets = Array.from({ length: this.#batch }, () => {
      const n = this.#count++;
      return { stdin: `${n}i`, stdout: `${n}o`, stderr: `${n}e`, mark: `${n}m`, file: `${n}f` };
    });
    await this.#make({
      pipes: sets.flatMap(({ stdin, stdout, stderr, mark }) => [stdin, stdout, stderr, mark]),
      files: sets.map(({ file }) => file),
    });
    this.#ready.push(...sets);
    this.#batch = Math.min(MAX_BATCH, this.#batch * 2);
  }
}
