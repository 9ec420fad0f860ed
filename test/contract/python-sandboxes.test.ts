import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../../scripts/generate.ts';
import { ensurePython, pythonSource } from '../../scripts/python.ts';
import { cli } from '../cli/support.ts';

const python = await ensurePython();
const why = 'skipped' in python ? ` (skipped: ${python.skipped})` : '';

it.skipIf('skipped' in python)(
  `a Python agent has sandboxes of a server that was started with --sandbox${why}`,
  async () => {
    if ('skipped' in python) return;
    const environment = path.join(root, 'test', 'cli', 'sandboxes', 'terminal.ts');
    const server = cli('serve', environment, '--sandbox', 'bubblewrap');
    const [, address = ''] = await server.until(/listening on (\S+)/);
    const script = path.join(root, 'python', 'tests', 'agent_day.py');
    const { stdout, stderr } = await promisify(execFile)(python.python, [script, address], {
      env: { ...process.env, PYTHONPATH: pythonSource },
      timeout: 50_000,
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      box: ['bubblewrap', 'namespace', true],
      run: [3, 'given b /\n', 'no\n', ''],
      late: [124, true, 'begun\n'],
      cut: [10, true],
      large: 9_000_000,
      first: ['stdout', 'first\n'],
      left: true,
      put: [true, true, true],
      got: [true, ['d', 'd/file']],
      broken: 'the source broke',
      missing: [expect.any(String), expect.stringMatching(/\w/)],
      same: true,
      after: ['NOT_FOUND', 'LEASE_UNKNOWN'],
      given_back: ['NOT_FOUND', 'LEASE_UNKNOWN'],
      agent: 'hello\n',
      plane: ['PERMISSION_DENIED', expect.any(String)],
      stranger: ['UNAUTHENTICATED', expect.any(String)],
    });
    server.stop();
    expect(await server.code).toBe(0);
  },
  60_000,
);
