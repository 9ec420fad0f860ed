/** What a process has to tell that it must stop; a test gives its own. */
export interface Stoppable {
  on(event: string, listener: () => void): unknown;
  exit(code: number): void;
  /** Set when a parent started this process with a channel. */
  readonly channel?: { unref(): void } | null | undefined;
}

/** One Ctrl-C arrives more than once: from the terminal, and handed on by npm, npx and run.mjs. */
const SAME_REQUEST_MS = 1_000;
const EXIT_CODES = Object.freeze({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 });

/**
 * Fires when the process is told to stop, or the parent that holds its channel is gone. A signal that
 * comes a second later is meant: the process then ends at once.
 */
export function stopSignal(
  process: Stoppable,
  now: () => number = () => performance.now(),
): AbortSignal {
  const stop = new AbortController();
  let firstMs: number | undefined;
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.on(signal, () => {
      firstMs ??= now();
      if (now() - firstMs > SAME_REQUEST_MS) process.exit(code);
      stop.abort(new Error(`stopped by ${signal}`));
    });
  }
  process.on('disconnect', () => stop.abort(new Error('stopped by the end of its parent')));
  // Listening to the channel must not keep the process alive.
  process.channel?.unref();
  return stop.signal;
}
