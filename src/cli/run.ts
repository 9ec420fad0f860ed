// The entry of the `lachesis` program: the process's own streams, signals and exit code.
import { main } from './main.ts';
import { stopSignal } from './stop-signal.ts';
import { strayErrors } from './stray-errors.ts';
import { visibleLines } from './visible.ts';

/** Node's code for "nothing is left to do, and this still waits". */
const NEVER_SETTLED = 13;

const err = (text: string): void => void process.stderr.write(visibleLines(text));
const broken = strayErrors(process, err);
const stop = stopSignal(process);
/** Why the process may end: the command has, or nobody reads what it says. */
let mayEnd = false;
process.on('exit', (code) => {
  if (code === NEVER_SETTLED) {
    err('lachesis: an environment file waits for a promise that nothing will ever settle.\n');
  } else if (!mayEnd && !(stop.aborted && code !== 0)) {
    // A 0 would tell whoever waits for the command that all of it was done.
    if (code === 0) process.exitCode = 1;
    err(
      `lachesis: process.exit(${code}) was called before the command was done, probably by an environment.\n`,
    );
  }
});
// Whoever read our output has enough (`| head`): that is no failure, and nothing more is wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') {
    mayEnd = true;
    process.exit(0);
  }
  throw error;
});
const code = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err,
  terminal: process.stdout.isTTY === true,
  // A terminal that does not know its width says 0.
  columns: process.stdout.columns || 80,
  environment: process.env,
  signal: AbortSignal.any([stop, broken]),
}).catch((error: unknown) => {
  // A bug of ours, or it would be a LachesisError: the stack is what helps.
  err(`lachesis: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
});
mayEnd = true;
process.exitCode = broken.aborted ? 1 : code;
