import { invalidInput } from '../../errors.ts';
import type { Command } from '../command.ts';
import { fsck } from './fsck.ts';
import { gc } from './gc.ts';
import { reindex } from './reindex.ts';
import { stats } from './stats.ts';
import type { StoreTask } from './task.ts';

const TASKS: Readonly<Record<string, StoreTask>> = Object.freeze({ fsck, reindex, gc, stats });

/** `lachesis store WHAT FOLDER`: looks after the folder that a server keeps its store in, while it is stopped. */
export const storeCommand: Command = {
  name: 'store',
  summary: 'Check, count or mend the store of a server that is stopped: fsck, reindex, gc, stats.',
  usage: 'WHAT FOLDER [options]',
  examples: [
    'lachesis store stats store     # what it holds',
    'lachesis store fsck store      # reads all of it; ends with 1 when something is damaged',
    'lachesis store gc store        # frees what no record cites',
    'lachesis store reindex store   # makes index.db anew when it is lost',
  ],
  options: {
    json: { type: 'boolean', help: 'Say it as one line of JSON.' },
  },
  run: async ({ positionals, values }, io) => {
    const [what, folder, extra] = positionals;
    const task = Object.hasOwn(TASKS, what ?? '') ? TASKS[what ?? ''] : undefined;
    if (task === undefined) {
      const names = Object.keys(TASKS).join(', ');
      throw invalidInput('WHAT', `is ${what ?? 'missing'}; give one of ${names}.`);
    }
    if (folder === undefined) throw invalidInput('FOLDER', 'is missing; give that of the store.');
    if (extra !== undefined) {
      throw invalidInput('FOLDER', `is given twice, as ${folder} and ${extra}.`);
    }
    const { report, lines, isSound } = await task(folder, { signal: io.signal });
    io.out(values['json'] === true ? `${JSON.stringify(report)}\n` : `${lines.join('\n')}\n`);
    return isSound ? 0 : 1;
  },
};
