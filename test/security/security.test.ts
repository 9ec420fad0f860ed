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

// Nothing of a case runs in this process: it only reads what a worker in private namespaces found.
describe.skipIf(whyNoNamespace() !== undefined).for(Object.entries(PROFILES))(
  '%s: %s',
  ([profile]) => {
    const reports = new Map<string, Report>();
    beforeAll(async () => {
      await runInNamespace(profile as Profile, worker, (line) => {
        const report = JSON.parse(line) as Report;
        reports.set(`${report.numbers} ${report.half}`, report);
      });
    }, 60_000);

    for (const { numbers, name } of cases) {
      test(`${numbers}: ${name}`, () => {
        expect(reports.get(`${numbers} box`)).toMatchObject({ half: 'box' });
        expect(reports.get(`${numbers} box`)?.error).toBeUndefined();
      });
      test(`${numbers}: ${name} (control)`, () => {
        expect(reports.get(`${numbers} control`)).toMatchObject({ half: 'control' });
        expect(reports.get(`${numbers} control`)?.error).toBeUndefined();
      });
    }
  },
);
