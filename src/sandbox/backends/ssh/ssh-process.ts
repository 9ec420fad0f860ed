import { systemClock } from '../../../async/index.ts';
import { type RemoteLink, RemoteProcess } from '../remote/remote-process.ts';
import type { SshSession } from './connection.ts';

/**
 * sshd may tell a command's end before its last output. It is over when the session is, or when none has come for
 * so long, since a child left behind may hold it open; or after this long at most.
 */
const QUIET_MS = 150;
const MAX_DRAIN_MS = 5_000;

/** A command in a session of its own. `explain` says what a session that broke off means. */
export function adoptSession(
  session: SshSession,
  options: {
    readonly id: string;
    readonly tell: RemoteLink['tell'];
    readonly explain: () => Promise<Error>;
    /** Why an exit code is none, such as of a command that was killed with its sandbox. */
    readonly doubt: () => Promise<Error | undefined>;
  },
): RemoteProcess {
  const { channel } = session;
  let isPaused = false;
  let isUnwanted = false;
  let isClosed = false;
  let openStreams = 2;
  let isOver = false;
  let heardMs = 0;
  const over = Promise.withResolvers<void>();

  const process = new RemoteProcess(options.id, {
    tell: options.tell,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        channel.write(bytes, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    closeInput: async () => {
      channel.end();
    },
    pause: () => {
      isPaused = true;
      channel.pause();
      channel.stderr.pause();
    },
    resume: () => flow(),
    // The session also tells the command's end, so it is kept until then.
    close: () => {
      isUnwanted = true;
      flow();
      if (process.hasEnded) channel.close();
      finish();
    },
  });

  function flow(): void {
    isPaused = false;
    heardMs = systemClock.now();
    channel.resume();
    channel.stderr.resume();
  }

  function finish(): void {
    isOver = openStreams === 0 || isUnwanted;
    if (isOver) over.resolve();
  }

  /** A session that has said all it will, and not how its command ended. */
  function missEnd(): void {
    if (!isClosed || openStreams > 0 || session.exitCode() !== undefined) return;
    void options.explain().then((why) => process.fail(why));
  }

  for (const [stream, source] of [
    ['stdout', channel],
    ['stderr', channel.stderr],
  ] as const) {
    source.on('data', (bytes: Buffer) => {
      heardMs = systemClock.now();
      if (!isUnwanted || stream === 'stderr') process.receive(stream, bytes);
    });
    source.once('end', () => {
      openStreams -= 1;
      if (openStreams > 0) return;
      process.endOutput();
      finish();
      missEnd();
    });
  }
  // It waits for one of the streams only to be read to its end.
  channel.once('close', () => {
    isClosed = true;
    missEnd();
  });
  void session.exited.then(async (code) => {
    await drained();
    const doubt = code === 0 ? undefined : await options.doubt();
    if (doubt === undefined) await process.end(code);
    else process.fail(doubt);
    if (isUnwanted) channel.close();
  });

  async function drained(): Promise<void> {
    const beganMs = systemClock.now();
    heardMs = beganMs;
    if (isUnwanted) finish();
    while (!isOver) {
      if (isPaused) heardMs = systemClock.now();
      const leftMs = Math.min(heardMs + QUIET_MS, beganMs + MAX_DRAIN_MS) - systemClock.now();
      if (leftMs <= 0) return;
      let callOff = (): void => {};
      const waited = new Promise<void>((resolve) => {
        callOff = systemClock.schedule(leftMs, resolve);
      });
      await Promise.race([waited, over.promise]);
      callOff();
    }
  }

  return process;
}
