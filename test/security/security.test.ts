import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { cases } from './cases/index.ts';
import { type Profile, runInNamespace, whyNoNamespace } from './support/namespace.ts';

const worker = path.join(import.meta.dirname, 'support/worker.ts');
const PROFILES: Readonly<Record<Profile, string>> = {
  root: 'the server is root (of a user namespace), each box has a user id of its own',
  user: 'the server is a plain user, as which its boxes run',
};

interface Report {
  readonly numbers: string;
  readonly half: 'box' | 'control';
  readonly error?: string;
}

const profiles = Object.keys(PROFILES) as Profile[];
const reports = new Map<string, Report>();

// Nothing of a case runs in this process: it only reads what a worker in private namespaces found.
describe.skipIf(whyNoNamespace() !== undefined)('a box, and what happens without one', () => {
  beforeAll(async () => {
    const runs = profiles.map((profile) =>
      runInNamespace(profile, worker, (line) => {
        const report = JSON.parse(line) as Report;
        reports.set(`${profile} ${report.numbers} ${report.half}`, report);
      }),
    );
    // All of them, so that what one found is told though another failed.
    for (const run of await Promise.allSettled(runs)) {
      if (run.status === 'rejected') console.error(run.reason);
    }
  }, 120_000);

  for (const profile of profiles) {
    describe(`${profile}: ${PROFILES[profile]}`, () => {
      for (const { numbers, name } of cases) {
        for (const half of ['box', 'control'] as const) {
          test(`${numbers}: ${name}${half === 'control' ? ' (control)' : ''}`, () => {
            const report = reports.get(`${profile} ${numbers} ${half}`);
            expect(report, 'it was run').toBeDefined();
            expect(report?.error).toBeUndefined();
          });
        }
      }
    });
  }
});
