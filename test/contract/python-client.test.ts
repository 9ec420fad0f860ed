import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../../scripts/generate.ts';
import { ensurePython, pythonSource } from '../../scripts/python.ts';
import { startTableServer } from './support/table-server.ts';

const python = await ensurePython();
const why = 'skipped' in python ? ` (skipped: ${python.skipped})` : '';

it.skipIf('skipped' in python)(
  `a Python trainer submits, pulls, acks and publishes${why}`,
  async () => {
    if ('skipped' in python) return;
    await using server = await startTableServer();
    const { host, port, token } = server.target;
    const script = path.join(root, 'python', 'tests', 'trainer_loop.py');
    // Not spawnSync: this process is the server.
    const { stdout, stderr } = await promisify(execFile)(
      python.python,
      [script, `http://${host}:${port}`, token, 'python-run'],
      { env: { ...process.env, PYTHONPATH: pythonSource }, timeout: 20_000 },
    );
    expect(stderr).toBe('');
    const batch = (step: number) => ({
      step,
      rows: 2,
      tokens: 14,
      trained: 8,
      advantages: [-1, 1],
      logprobs: [-0.1, -0.2, -0.3, -0.4],
      redelivered: true,
      version: step,
    });
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'python-run',
      stored: 3,
      duplicates: 1,
      batches: [1, 2, 3].map(batch),
      waiting: 0,
      none: { needed: 1, closed: false },
      several: {
        deliveries: [1, 2],
        refused: [
          ['ABORTED', 'STALE_LEASE', '2'],
          ['ABORTED', 'STALE_LEASE', '2'],
          ['ABORTED', 'STALE_LEASE', '2'],
          ['FAILED_PRECONDITION', 'CONSUMER_UNREGISTERED', null],
          ['FAILED_PRECONDITION', 'CONSUMER_UNREGISTERED', null],
        ],
        standings: [
          ['trainer', 1, 0],
          ['archive', 0, 1],
        ],
        out: [
          [true, 1],
          [false, 0],
        ],
        again: [1, 1, false],
        next: 2,
      },
      played: {
        rewards: [1, 1],
        sampled: [expect.any(Number), expect.any(Number)],
        rollouts: ['It is 4.', 'It is 4.'],
        finished: 2,
      },
      evaluated: {
        rewards: [1, 1],
        solved_at: 0.5,
        pass_at_k: [1, 1],
        metrics: { characters: [8, 2] },
        asked: [1, 0.5, 0],
        refused: ['NO_TASKS', 'split'],
      },
      errors: [
        ['NOT_FOUND', expect.stringMatching(/\w/), expect.any(String)],
        ['INVALID_ARGUMENT', expect.stringMatching(/\w/), expect.stringMatching(/run_id$/)],
      ],
    });
  },
);
