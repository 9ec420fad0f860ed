// From nothing to the first finished rollout: `git clone`, `npm ci`, `npm start`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Program, run } from '../test/package/support/program.ts';
import { report, round } from './support/report.ts';

const repository = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-fresh-clone-'));
const clone = path.join(folder, 'lachesis');

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

try {
  const cloneSeconds = await secondsOf(() =>
    run('git', ['clone', '--quiet', '--no-local', repository, clone], { cwd: folder }),
  );
  const installSeconds = await secondsOf(() =>
    run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: clone }),
  );
  // Clients and servers of this user that run meanwhile are none of its business.
  const env = { XDG_RUNTIME_DIR: folder };
  await using start = new Program('npm', ['start', '--', '--quick'], { cwd: clone, env });
  let saidSeconds = Number.NaN;
  const startSeconds = await secondsOf(async () => {
    const [, said] = await start.said(/first rollout after ([\d.]+) s/);
    saidSeconds = Number(said);
  });
  start.signal('SIGINT');
  report('fresh-clone', {
    freshCloneToFirstRolloutSeconds: round(cloneSeconds + installSeconds + startSeconds, 1),
    cloneSeconds: round(cloneSeconds, 1),
    installSeconds: round(installSeconds, 1),
    startToFirstRolloutSeconds: round(startSeconds, 1),
    firstRolloutAfterSecondsAsPrinted: saidSeconds,
    npmCache: 'as it was',
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
