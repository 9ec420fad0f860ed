/** Sets made at a time: one process makes them all, so each costs next to nothing. */
const BATCH = 48;

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
      if (this.#ready.length < BATCH / 2) this.#refill().catch(() => {});
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
    const sets = Array.from({ length: BATCH }, () => {
      const n = this.#count++;
      return { stdin: `${n}i`, stdout: `${n}o`, stderr: `${n}e`, mark: `${n}m`, file: `${n}f` };
    });
    await this.#make({
      pipes: sets.flatMap(({ stdin, stdout, stderr, mark }) => [stdin, stdout, stderr, mark]),
      files: sets.map(({ file }) => file),
    });
    this.#ready.push(...sets);
  }
}
