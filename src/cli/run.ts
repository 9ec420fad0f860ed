// The entry of the `lachesis` program: the process's own streams, signals and exit code.
import { main } from './main.ts';
import { stopSignal } from './stop-signal.ts';

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  environment: process.env,
  signal: stopSignal(process),
});
