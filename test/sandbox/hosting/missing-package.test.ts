import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };

const PROGRAM = path.join(import.meta.dirname, 'without-package.ts');

/** What opening the backend says in a process where the package can't be found. */
async function saidWithout(backend: string, packageName: string) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=lachesis-source', PROGRAM, backend, packageName],
    { timeout: 20_000 },
  );
  return JSON.parse(stdout);
}

test.each([
  ['docker', 'dockerode', 'npm install dockerode'],
  ['e2b', 'e2b', `npm install e2b@${manifest.peerDependencies.e2b}`],
])('%s without %s says how to install it', async (backend, packageName, command) => {
  const said = await saidWithout(backend, packageName);
  expect(said.create).toMatchObject({
    kind: 'failed_precondition',
    reason: 'PACKAGE_MISSING',
    remedy: `Run \`${command}\`.`,
  });
  expect(said.create.message).toContain(`The \`${backend}\` backend needs the package`);
  // As the user of a command is told, and once.
  expect(said.open.message.split(command)).toHaveLength(2);
});
