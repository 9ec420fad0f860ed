import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import type { Command } from '../../contract/command.ts';
import type { PipeNames } from './name-store.ts';

/** Input of up to this is laid down as a file, which a shell also reads faster than a pipe. */
const MAX_FILE_BYTES = 262_144;

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/**
 * Real pipes for a command's three streams, and a fourth on which it marks that it began. Node itself gives
 * children sockets, which a command can't open again as `/dev/stdout`, and which make bash believe that it was
 * started over the network. Input that is known beforehand comes from a file without a name: a named pipe
 * whose writer is done could not be opened again as `/dev/stdin`.
 */
export class CommandPipes {
  /** Null when the command's input is complete as it is. */
  readonly stdin: Socket | null;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** For `stdio` of `spawn`: the command's descriptors 0 to 3. */
  readonly childEnds: readonly (number | 'ignore')[];
  readonly #mark: number;
  #hasBegun: boolean | undefined;

  /** Opens what was made in `folder`, and takes the names away. */
  constructor(folder: string, names: PipeNames, stdin: Command['stdin']) {
    const opened: number[] = [];
    const keep = (fd: number): number => {
      opened.push(fd);
      return fd;
    };
    try {
      const output = openBoth(path.join(folder, names.stdout), keep);
      const errors = openBoth(path.join(folder, names.stderr), keep);
      const mark = openBoth(path.join(folder, names.mark), keep);
      const isKnown =
        stdin === undefined || (stdin instanceof Uint8Array && stdin.length <= MAX_FILE_BYTES);
      const input = isKnown ? undefined : openBoth(path.join(folder, names.stdin), keep);
      const given = isKnown && stdin !== undefined && stdin.length > 0 ? stdin : undefined;
      const file =
        given === undefined ? 'ignore' : keep(filled(path.join(folder, names.file), given));
      this.stdin =
        input === undefined
          ? null
          : new Socket({ fd: input.write, readable: false, writable: true });
      this.stdout = new Socket({ fd: output.read, readable: true, writable: false });
      this.stderr = new Socket({ fd: errors.read, readable: true, writable: false });
      this.childEnds = [input?.read ?? file, output.write, errors.write, mark.write];
      this.#mark = mark.read;
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    } finally {
      for (const name of Object.values(names)) unlinkSync(path.join(folder, name));
    }
  }

  /** The child has its own by now. */
  closeChildEnds(): void {
    for (const end of this.childEnds) if (typeof end === 'number') closeSync(end);
  }

  /** Whether the command had begun; to be asked when it has ended. */
  closeMark(): boolean {
    this.#hasBegun ??= this.#readMark();
    return this.#hasBegun;
  }

  /** Of a command that never started. */
  destroy(): void {
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy();
    this.closeMark();
  }

  #readMark(): boolean {
    try {
      return readSync(this.#mark, Buffer.alloc(1)) === 1;
    } catch {
      return false;
    } finally {
      closeSync(this.#mark);
    }
  }
}

function openBoth(file: string, keep: (fd: number) => number): { read: number; write: number } {
  // Opened for both, a pipe waits for nobody; with that one open, neither do the others.
  const both = openSync(file, O_RDWR);
  try {
    const read = keep(openSync(file, O_RDONLY | O_NONBLOCK));
    return { read, write: keep(openSync(file, O_WRONLY | O_NONBLOCK)) };
  } finally {
    closeSync(both);
  }
}

function filled(file: string, content: Uint8Array): number {
  const fd = openSync(file, O_WRONLY);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
  } finally {
    closeSync(fd);
  }
  return openSync(file, O_RDONLY);
}
