// The Atropos gateway of `lachesis serve --atropos` beside Atropos' own server: groups of 8 x 2,048 tokens
// pushed by 4 clients and pulled in batches of 16 by one, in plain JSON and gzipped both ways, in turns.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureAtropos } from '../scripts/atropos.ts';
import { startTheirServer } from '../test/atropos/support/their-server.ts';
import { ask, trainer } from '../test/gateways/atropos/support.ts';
import { groupBodies, type LoadFigures, load, plan } from './support/atropos-load.ts';
import { report, round } from './support/report.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word.startsWith('--') || /^\d+$/.test(word)),
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    dry: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

const { skipped } = ensureAtropos();
if (skipped !== undefined) throw new Error(`Atropos can't be run here: ${skipped}`);

const servers = { ours: startOurs, atropos: startTheirServer };
const bodies = { plain: groupBodies(8, 'plain'), gzip: groupBodies(8, 'gzip') };
const rounds: Record<string, object>[] = [];
for (let turn = 0; turn < Number(values.rounds); turn++) {
  for (const codec of ['plain', 'gzip'] as const) {
    const figures: Record<string, object> = { codec: { codec } };
    const sustained: number[] = [];
    for (const [name, start] of Object.entries(servers)) {
      await using server = await start();
      const body = { ...trainer, batch_size: plan.groupsPerBatch * plan.sequencesPerGroup };
      await ask(server.address, '/register', { body });
      await load(server.address, codec, { bodies: bodies[codec], seconds: Math.min(2, seconds) });
      const measured = await load(server.address, codec, { bodies: bodies[codec], seconds });
      figures[name] = summary(measured);
      sustained.push(measured.groupsPerSecond);
    }
    const [ours = 0, theirs = 0] = sustained;
    figures['ratio'] = { groupsPerSecond: round(ours / theirs) };
    rounds.push(figures);
  }
}
if (values.dry) console.log(JSON.stringify(rounds, null, 2));
else report('atropos-gateway', { plan: { ...plan, seconds }, rounds });

function summary(figures: LoadFigures): object {
  return {
    groupsPerSecond: round(figures.groupsPerSecond),
    tokensPerSecond: Math.round(figures.tokensPerSecond),
    pushMs: quantiles(figures.pushMs),
    batchMs: quantiles(figures.batchMs),
    statusMs: quantiles(figures.statusMs),
  };
}

function quantiles(times: readonly number[]): object {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function startOurs() {
  const root = path.resolve(import.meta.dirname, '..');
  const store = mkdtempSync(path.join(tmpdir(), 'lachesis-bench-'));
  const serve = ['serve', '--atropos', '0', '--store', store];
  const args = ['--conditions=lachesis-source', 'src/cli/run.ts', ...serve];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      const match = /atropos on (\S+)/.exec(said);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    void ended.then(() => reject(new Error(`the server ended: ${said}`)));
  });
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
      rmSync(store, { recursive: true });
    },
  };
}
