import { expect, test } from 'vitest';
import { cli } from '../support.ts';

test('every backend is tried, and what fails comes with its fix', async () => {
  const run = cli('doctor', '--json');
  expect(await run.code).toBe(0);
  const report = JSON.parse(run.out());
  expect(report).toMatchObject({ ok: true, default: 'bubblewrap', minimum: 'namespace' });
  const rows = new Map(report.backends.map((row: { name: string }) => [row.name, row]));
  expect(rows.get('bubblewrap')).toMatchObject({
    ...{ works: true, isolation: 'namespace', isDefault: true },
    ...{ createMs: expect.any(Number), execMs: expect.any(Number) },
  });
  expect(rows.get('just-bash')).toMatchObject({ works: true, isolation: 'simulated' });
  for (const row of report.backends) {
    if (!row.works) expect([row.name, row.remedy?.length > 0]).toEqual([row.name, true]);
  }
}, 60_000);

test('a default that is too weak fails, and the table says so', async () => {
  const run = cli('doctor', '--isolation-minimum', 'strong');
  expect(await run.code).toBe(1);
  expect(run.out()).toMatch(/bubblewrap \*\s+yes\s+namespace/);
  expect(run.out()).toMatch(/at least `strong`: it does NOT/);
}, 60_000);

test.skipIf(process.getuid?.() !== 0)(
  'root is told the flag that lets plain processes run',
  async () => {
    const run = cli('doctor', '--json');
    expect(await run.code).toBe(0);
    const { backends } = JSON.parse(run.out());
    const row = backends.find(({ name }: { name: string }) => name === 'process');
    expect(row.remedy).toContain('--allow-unsandboxed');
  },
  60_000,
);
