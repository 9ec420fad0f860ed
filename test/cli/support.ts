import { main } from '../../src/cli/main.ts';

export interface CliRun {
  readonly code: Promise<number>;
  /** Standard output so far. */
  out(): string;
  err(): string;
  /** As Ctrl-C does. */
  stop(): void;
  /** Resolves with the match once standard output has it. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Runs a command line in this process, with its own streams and its own Ctrl-C. */
export function cli(...args: string[]): CliRun {
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  const stop = new AbortController();
  const code = main(args, {
    out: (text) => {
      out += text;
      for (const look of waiting) look();
    },
    err: (text) => {
      err += text;
    },
    terminal: false,
    columns: 80,
    // Servers of several tests would share the folder of the default.
    environment: { LACHESIS_STORE: 'none' },
    signal: stop.signal,
  });
  return {
    code,
    out: () => out,
    err: () => err,
    stop: () => stop.abort(new Error('stopped by the test')),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(out);
          if (match === null) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
        code.then(
          () => reject(new Error(`ended without ${pattern}: ${out}${err}`)),
          (error: unknown) => reject(error),
        );
      }),
  };
}
