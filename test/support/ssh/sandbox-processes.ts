import { readdirSync, readFileSync } from 'node:fs';

/** Processes of this machine that bear the mark of an `ssh` sandbox, or of its keeper. */
export function sandboxProcesses(id: string): readonly number[] {
  const marks = [`LACHESIS_SANDBOX=${id}`, `LACHESIS_KEEPER=${id}`];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        return marks.some((mark) => variables.includes(mark));
      } catch {
        // No process, or one that has just ended.
        return false;
      }
    });
}
