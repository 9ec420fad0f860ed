import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDurableBroker, openFilesStore } from '../../../src/broker/index.ts';
import { PolicyFile, readBaseCheckpoint } from '../../../src/policy/index.ts';
import { Program } from '../../package/support/program.ts';
import { cli } from '../support.ts';

const RUN_ID = 'quick-start';
const GROUPS_PER_BATCH = 16;
const root = path.resolve(import.meta.dirname, '../../..');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lachesis-resume-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Step {
  readonly step: number;
  readonly policyVersion: number;
  readonly maxRatioDeviation: number;
  readonly groups: readonly string[];
}

/** `npm start` with npm and all its parts, in a process group of its own. */
function start(...options: string[]): Program {
  const args = ['start', '--', ...options, '--out', path.relative(root, folder)];
  return new Program('npm', args, { cwd: root, env: { XDG_RUNTIME_DIR: folder } });
}

/** Compares what trainer, policy and store have kept; returns how much that was. */
async function checkKept(): Promise<{ readonly steps: number; readonly rollouts: number }> {
  const lines = (await readFile(path.join(folder, 'steps.jsonl'), 'utf8')).trim().split('\n');
  const steps = lines.map((line) => JSON.parse(line) as Step);
  expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1));
  expect(steps.map(({ policyVersion }) => policyVersion)).toEqual(steps.map((_, i) => i + 1));
  // On policy at each step: nothing was sampled by weights that were not kept.
  expect(steps[0]?.maxRatioDeviation).toBeLessThan(1e-5);

  await using policy = await PolicyFile.open(path.join(folder, 'policy.bin'), {
    checkpoint: await readBaseCheckpoint(),
  });
  expect(policy.kept).toMatchObject({ version: steps.length, adam: { step: steps.length } });
  expect([...(policy.kept?.steps.keys() ?? [])]).toEqual(
    steps.map(({ step }) => `${RUN_ID}/${step}`),
  );

  const broker = openDurableBroker({ store: await openFilesStore(path.join(folder, 'store')) });
  const status = await broker.status(RUN_ID);
  const accepted: string[] = [];
  for await (const { group } of broker.scanGroups(RUN_ID, 0)) accepted.push(group.id);
  await broker.close();
  const trained = steps.flatMap(({ groups }) => groups);
  expect(status.run).toMatchObject({ closed: true, step: steps.length });
  expect(status.run.policyVersion).toBe(steps.length);
  expect(new Set(trained).size).toBe(steps.length * GROUPS_PER_BATCH);
  expect(accepted).toEqual(expect.arrayContaining(trained));
  expect(accepted).toHaveLength(status.acceptedGroups);
  // What the first sittings had played is trained on, but for what was waiting at the very end.
  const waiting = accepted.filter((id) => !trained.includes(id));
  expect(waiting).toHaveLength(status.waitingGroups);
  return { steps: steps.length, rollouts: status.rollouts };
}

describe('a quick start that is interrupted again and again', () => {
  test('ends as one that was not, with nothing lost and nothing trained twice', async () => {
    {
      await using first = start('--quick');
      await first.said(/^step +2 /m);
      first.signal('SIGINT');
      // npm itself is ended by the signal, or hands on the 130.
      expect(await first.exited, first.everything).toBeGreaterThanOrEqual(128);
      expect(first.everything).toMatch(/^Stopped after \d+ steps; .* --resume --out /m);
      expect(await readdir(folder)).not.toContain('start.lock');
    }
    {
      await using second = start('--resume');
      await second.said(/^resumed: [2-9] steps, \d+ groups accepted/m);
      await second.said(/^step +5 /m);
      // Server and trainer at once; the policy is told by its channel.
      second.signal('SIGKILL');
      await second.exited;
    }
    {
      await using third = start('--resume');
      await third.said(/^step +7 /m);
      const lock = await readFile(path.join(folder, 'policy.bin.lock'), 'utf8');
      process.kill((JSON.parse(lock) as { readonly pid: number }).pid, 'SIGKILL');
      expect(await third.exited, third.everything).toBe(1);
      expect(third.everything).toMatch(/^Stopped after \d+ steps/m);
      expect(third.everything).toMatch(/^lachesis start: The policy ended with code 1/m);
    }
    await using last = start('--resume');
    expect(await last.exited, last.everything).toBe(0);
    const { output } = last;
    expect(output).toMatch(/^success.*: [\d.]+ % before, 9\d\.\d % after/m);
    expect(output).toMatch(/; resumed 3 times$/m);

    const { steps, rollouts } = await checkKept();
    expect(output).toContain(`  ${steps} steps`);
    const told = /^rollouts +([\d,]+)/m.exec(output)?.[1]?.replaceAll(',', '');
    expect(Number(told)).toBeGreaterThanOrEqual(rollouts);
  }, 240_000);

  test('once it has ended, says so and tells its end again', async () => {
    const again = cli('start', '--resume', '--out', folder);
    expect(await again.code).toBe(0);
    expect(again.out()).toMatch(/^This one has ended.* begin anew: npm start -- --out /);
    expect(again.out()).toMatch(/% before, .*% after/);
  });

  test.each([
    ['--seed', '9'],
    ['--max-steps', '7'],
  ])('is not gone on with under another %s', async (name, value) => {
    const other = cli('start', '--resume', '--out', folder, name, value);
    expect(await other.code).toBe(2);
    expect(other.err()).toMatch(/is \d, and what is resumed began with \d+\. Leave it out/);
  });

  test('is begun anew only while nobody has it', async () => {
    const store = await openFilesStore(path.join(folder, 'store'));
    const anew = cli('start', '--out', folder);
    expect(await anew.code).toBe(1);
    expect(anew.err()).toMatch(/in use by process/);
    await store.close();
    expect(await cli('start', '--resume', '--out', folder).code).toBe(0);
  });
});

test('there must be something to resume', async () => {
  const empty = cli('start', '--resume', '--out', path.join(folder, 'empty'));
  expect(await empty.code).toBe(1);
  expect(empty.err()).toMatch(/nothing to resume\. Begin without --resume/);
});
