import { lachesisErrorOf } from '../../client/index.ts';
import { invalidInput } from '../../errors.ts';
import { CLIENT_OPTIONS } from '../client-options.ts';
import type { Command } from '../command.ts';
import { integerOption } from '../read-options.ts';
import { dropConsumer } from './drop-consumer.ts';
import { status } from './status.ts';
import type { RunTask } from './task.ts';
import { watch } from './watch.ts';

const TASKS: Readonly<Record<string, RunTask>> = Object.freeze({
  status,
  watch,
  'drop-consumer': dropConsumer,
});

/** Shorter is not given by a server. */
const LEAST_INTERVAL_MS = 50;

/** `lachesis run WHAT [RUN]`: how a training run stands, once or for as long as it is open, and who takes part. */
export const runCommand: Command = {
  name: 'run',
  summary: 'See how a training run stands, and who holds it up: status, watch, drop-consumer.',
  usage: 'WHAT [RUN] [CONSUMER] [options]',
  examples: [
    'lachesis run status                # the runs of the server',
    'lachesis run status my-run         # what waits, who holds what, how fast it goes',
    'lachesis run watch my-run          # the same, again and again, until it is closed or Ctrl-C',
    'lachesis run watch my-run --json   # a line of JSON each second',
    'lachesis run drop-consumer my-run eval  # take a consumer that is gone for good out of it',
    'lachesis run status my-run --server https://trainer-1:7070 --credentials tokens.json',
  ],
  options: {
    ...CLIENT_OPTIONS,
    json: {
      type: 'boolean',
      help: 'Say it as a line of JSON; `watch` does where it is not read on a terminal.',
    },
    interval: {
      type: 'string',
      value: 'MS',
      help: 'Milliseconds between two, of `watch`. Default: 1000.',
    },
  },
  run: async ({ positionals, values }, io) => {
    const [what, runId, ...more] = positionals;
    const task = Object.hasOwn(TASKS, what ?? '') ? TASKS[what ?? ''] : undefined;
    if (task === undefined) {
      const names = Object.keys(TASKS).join(', ');
      throw invalidInput('WHAT', `is ${what ?? 'missing'}; give one of ${names}.`);
    }
    const [consumerId, extra] = what === 'drop-consumer' ? more : [undefined, ...more];
    if (extra !== undefined) {
      const [name, first] = consumerId === undefined ? ['RUN', runId] : ['CONSUMER', consumerId];
      throw invalidInput(name, `is given twice, as ${first} and ${extra}.`);
    }
    const json = values['json'] === true;
    const intervalMs = integerOption(values, 'interval', LEAST_INTERVAL_MS, 3_600_000) ?? 1_000;
    try {
      await task({ runId, consumerId, values, json, intervalMs }, io);
    } catch (thrown) {
      // Ctrl-C is how a watch ends.
      if (io.signal.aborted && what === 'watch') return 0;
      throw lachesisErrorOf(thrown);
    }
    return 0;
  },
};
