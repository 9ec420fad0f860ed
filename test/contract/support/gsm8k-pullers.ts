import { spawn } from 'node:child_process';
import path from 'node:path';
import { root } from '../../../scripts/generate.ts';
import { pythonSource } from '../../../scripts/python.ts';

/** A line that examples/trainers/pull-batches.ts and pull_batches.py print with `--json`. */
export interface PulledBatch {
  readonly batch: string;
  readonly step: number;
  readonly groups: readonly {
    readonly group: string;
    readonly task: string;
    readonly rollouts: readonly PulledRollout[];
  }[];
}

export interface PulledRollout {
  readonly id: string;
  readonly reward: number | null;
  /** Of its transcript. */
  readonly messages: number;
  readonly rows: readonly {
    readonly tokens: number;
    readonly sampled: number;
    readonly trained: number;
  }[];
}

/** An example trainer that runs; it ends by itself once its run is closed. */
export interface Puller extends AsyncDisposable {
  /** Resolves when it is registered; rejects when it fails before that. */
  readonly ready: Promise<void>;
  /** What it pulled and acked; rejects when it fails. */
  readonly batches: Promise<readonly PulledBatch[]>;
}

/** All that a puller says beside its batches. */
const READY = /^waiting for batches of run \S+, until it is closed\n$/;

/** The TypeScript and the Python example, competing for the batches of one run. */
export function startPullers(address: string, run: string, python: string): readonly Puller[] {
  const trainers = path.join(root, 'examples', 'trainers');
  const args = (consumer: string) => [
    ...['--server', address, '--run', run],
    ...['--consumer', consumer, '--json'],
  ];
  return [
    startPuller(process.execPath, [
      '--conditions=lachesis-source',
      path.join(trainers, 'pull-batches.ts'),
      ...args('typescript'),
    ]),
    startPuller(python, [path.join(trainers, 'pull_batches.py'), ...args('python')]),
  ];
}

function startPuller(program: string, args: readonly string[]): Puller {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, PYTHONPATH: pythonSource },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  const ready = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (READY.test(stderr)) ready.resolve();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const batches = ended.then((code) => {
    if (code !== 0 || !READY.test(stderr)) {
      throw new Error(`${args.join(' ')}: exit ${code}\n${stderr}`);
    }
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as PulledBatch);
  });
  // Whoever awaits it is told; a test that fails before that must not end the process.
  batches.catch(ready.reject);
  return {
    ready: ready.promise,
    batches,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
