import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { Command } from '../../contract/command.ts';
import { CommandPipes } from '../local/command-pipes.ts';
import { NameStore, type NamesToMake } from '../local/name-store.ts';
import { endBox, type LaunchedBox } from './launch.ts';

/** The script of the box in which they are made: a line of pipes and one of files are answered by a line. */
export const PIPE_ROOM_SCRIPT = `cd /tmp && umask 000 && echo ready
while read -r pipes && read -r files; do
  mkfifo $pipes && for file in $files; do : > $file; done && echo made || echo failed
done`;

const TIMEOUT_MS = 10_000;

/**
 * Makes named pipes and files where no folder of the host is needed: in the memory of a box that nothing else runs in,
 * reached from outside through its first process.
 */
export class PipeRoom {
  readonly #box: LaunchedBox;
  readonly #store: NameStore;
  readonly #folder: string;
  #isClosed = false;
  #told: ((line: string) => void) | undefined;

  constructor(box: LaunchedBox) {
    this.#box = box;
    this.#folder = `/proc/${box.initPid}/root/tmp`;
    box.stdout.on('data', (bytes: Buffer) => this.#told?.(bytes.toString().trim()));
    void box.ended.then(() => {
      this.#isClosed = true;
      this.#told?.('ended');
    });
    this.#store = new NameStore((names) => this.#make(names));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async open(stdin: Command['stdin']): Promise<CommandPipes> {
    return new CommandPipes(this.#folder, await this.#store.take(), stdin);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    endBox(this.#box);
    await this.#box.ended;
    for (const stream of [this.#box.stdin, this.#box.stdout]) stream.destroy();
  }

  async #make({ pipes, files }: NamesToMake): Promise<void> {
    if (this.#isClosed) throw failed('it has ended');
    const answer = new Promise<string>((resolve) => {
      this.#told = resolve;
    });
    this.#box.stdin.write(`${pipes.join(' ')}\n${files.join(' ')}\n`);
    using deadline = startDeadline({
      timeoutMs: TIMEOUT_MS,
      reason: () => failed(`nothing was heard of it for ${TIMEOUT_MS} ms`),
    });
    const line = await untilAborted(answer, { signal: deadline });
    if (line !== 'made') throw failed(`it said ${JSON.stringify(line.slice(0, 200))}`);
  }
}

function failed(why: string): LachesisError {
  return new LachesisError('infrastructure_error', `The box that makes pipes failed: ${why}.`, {
    reason: 'SANDBOX_FAULT',
    remedy: 'Another one is made for the next sandbox.',
  });
}
