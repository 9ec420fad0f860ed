import type { Command } from './command.ts';
import { endingOf } from './process/ending.ts';
import { PLAY_OPTIONS, playPlan, requiredOption } from './process/plan.ts';
import { playIntoFile } from './process/play-into-file.ts';
import { tallyLines } from './process/progress.ts';
import { count } from './words.ts';

/** `lachesis process FILE --out rollouts.jsonl`: plays tasks in this process, into a rollout file. */
export const processCommand: Command = {
  name: 'process',
  summary:
    'Play tasks of an environment into a rollout file, without a server; go on where it stopped.',
  usage: 'FILE --out rollouts.jsonl [options]',
  examples: [
    'lachesis process examples/environments/shop.ts --out rollouts.jsonl --tasks 100',
    'lachesis process env.ts --out r.jsonl --openai-url http://127.0.0.1:8000/v1 --openai-model m',
    'lachesis process env.ts --out r.jsonl --attempts 8   # again: plays only what is not scored yet',
  ],
  options: {
    out: {
      type: 'string',
      value: 'FILE',
      help: 'The rollout file: rows that are scored in it are kept, the others are appended.',
    },
    ...PLAY_OPTIONS,
  },
  run: async ({ positionals, values }, io) => {
    const plan = playPlan(positionals, values);
    const file = requiredOption(values, 'out', 'Give the file for the rollouts: --out FILE.');
    const played = await playIntoFile({ plan, values, file }, io);
    const { tally, kept, seconds } = played;
    const fresh = tally.rows - kept;
    io.out(`${count(fresh)} rows played in ${seconds.toFixed(1)} s, ${count(kept)} kept\n`);
    io.out(`${tallyLines(tally).join('\n')}\n`);
    io.out(`written to  ${played.path}\n`);
    return endingOf(played, io);
  },
};
