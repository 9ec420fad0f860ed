// The thread of one simulated sandbox. Its references are taken before any script runs: while one does, the
// interpreter bars its own code from timers and clocks.
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../../../../errors.ts';
import type { FromThread, RunRequest, ThreadData, ThreadRequest, ToThread } from '../messages.ts';
import { packFiles, statFile, unpackFiles } from './files.ts';
import { runCommand } from './run-command.ts';
import { SandboxFiles } from './sandbox-files.ts';

/** What may be on its way to the host before a command is held back. */
const HIGH_WATER_BYTES = 1_048_576;
/** Messages are heard at least this often while a command writes. */
const TURN_MS = 20;
const HOME = '/home/user';

const port = parentPort;
if (port === null) throw new Error('This module is the main one of a thread.');
const data = workerData as ThreadData;
const now = performance.now.bind(performance);
const later = setImmediate;
const load = Atomics.load.bind(Atomics);
const post = (message: FromThread): void => port.postMessage(message);

interface UnderWay {
  readonly controller: AbortController;
  unread: number;
  onRoom: (() => void) | undefined;
}

const files = new SandboxFiles(undefined, { maxTotalBytes: data.diskBytes });
for (const folder of ['/tmp', '/var/tmp', HOME, data.workdir]) {
  files.mkdirSync(folder, { recursive: true });
}
const baseEnv = Object.freeze({
  HOME,
  PATH: '/usr/local/bin:/usr/bin:/bin',
  USER: 'user',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  PAGER: 'cat',
  ...data.env,
});
const underWay = new Map<number, UnderWay>();
let lastTurnMs = now();

port.on('message', (message: ToThread) => {
  if ('request' in message) {
    answer(message.id, message.request).then(
      (value) => post({ id: message.id, answer: value }),
      (error: unknown) => post({ id: message.id, failure: errorMessage(error) }),
    );
    return;
  }
  const command = underWay.get(message.id);
  if (command === undefined) return;
  if ('read' in message) command.unread -= message.read;
  else command.controller.abort();
  command.onRoom?.();
});
post({ ready: true });

async function answer(id: number, request: ThreadRequest): Promise<unknown> {
  switch (request.kind) {
    case 'run':
      return await run(id, request);
    case 'stat':
      return await statFile(files, request.path);
    case 'pack':
      return await packFiles(files, request.path);
    case 'unpack':
      await unpackFiles(files, request.path, request.tar);
      return null;
  }
}

async function run(id: number, request: RunRequest) {
  const controller = new AbortController();
  const { signal } = controller;
  const stop = new Int32Array(request.stop);
  // No message is heard while a script loops, so the signal itself looks at the memory that the host writes.
  Object.defineProperty(signal, 'aborted', { get: () => load(stop, 0) !== 0 });
  const command: UnderWay = { controller, unread: 0, onRoom: undefined };
  underWay.set(id, command);
  try {
    const sink = {
      write: async (stream: 'stdout' | 'stderr', bytes: Uint8Array) => {
        // Whoever stopped it does not wait for what the interpreter says about that.
        if (bytes.length === 0 || signal.aborted) return;
        post({ id, stream, bytes });
        command.unread += bytes.length;
        await turn(command, signal);
      },
    };
    const code = await runCommand(request, { files, number: id, baseEnv, signal, sink });
    return { code, stopped: signal.aborted };
  } finally {
    underWay.delete(id);
  }
}

/** Waits until there is room for more, and lets messages be heard now and then. */
async function turn(command: UnderWay, signal: AbortSignal): Promise<void> {
  while (command.unread > HIGH_WATER_BYTES && !signal.aborted) {
    await new Promise<void>((resolve) => {
      command.onRoom = resolve;
    });
    command.onRoom = undefined;
  }
  if (now() - lastTurnMs < TURN_MS) return;
  await new Promise<void>((resolve) => {
    later(resolve);
  });
  lastTurnMs = now();
}
