import type { ClientChannel } from 'ssh2';
import { systemClock } from '../../../async/index.ts';
import { signalNumber } from '../../exec/signal-number.ts';
import { type RemoteLink, RemoteProcess } from '../remote/remote-process.ts';

/**
 * sshd may tell a command's end before its last output. It is over when the session is, or when none has come for
 * so long, since a child left behind may hold it open; or after this long at most.
 */
const QUIET_MS = 150;
const MAX_DRAIN_MS = 5_000;

/** A command in a session of its own. `explain` says what a session that broke off means. */
export function adoptChannel(
  channel: ClientChannel,
  options: {
    readonly id: string;
    readonly tell: RemoteLink['tell'];
    readonly explain: () => Error;
  },
): RemoteProcess {
  let isPaused = false;
  let isUnwanted = false;
  let isOver = false;
  let exitCode: number | undefined;
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
    isOver = isOver || exitCode !== undefined;
    if (isOver) over.resolve();
  }

  for (const [stream, source] of [
    ['stdout', channel],
    ['stderr', channel.stderr],
  ] as const) {
    source.on('data', (bytes: Buffer) => {
      heardMs = systemClock.now();
      if (!isUnwanted || stream === 'stderr') process.receive(stream, bytes);
    });
  }
  const onClosed = (): void => {
    process.endOutput();
    if (exitCode === undefined) process.fail(options.explain());
    else finish();
  };
  // `close` waits for both streams to be read to their ends.
  channel.once('close', onClosed);
  channel.once('exit', (code: number | null, signal?: string) => {
    exitCode = code ?? 128 + signalNumber(signal ?? 'SIGKILL');
    void drained().then(async () => {
      await process.end(exitCode ?? 0).catch((error: unknown) => process.fail(error));
      if (isUnwanted) channel.close();
    });
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
