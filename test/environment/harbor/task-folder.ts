import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A task that is solved by a file `done` in its directory. */
export const PLAIN: Readonly<Record<string, string>> = {
  'instruction.md': 'Make a file done.',
  'task.toml': '[verifier]\ntimeout_sec = 20\n',
  'tests/test.sh':
    'if [ -e /app/done ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n',
  'solution/solve.sh': 'touch /app/done\n',
};

/** A folder with one task, `one`: {@link PLAIN} with other files; undefined leaves one out. */
export function taskFolder(files: Readonly<Record<string, string | undefined>> = {}): string {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-harbor-'));
  for (const [name, text] of Object.entries({ ...PLAIN, ...files })) {
    if (text === undefined) continue;
    const file = path.join(root, 'one', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return root;
}
