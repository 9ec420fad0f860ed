import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { cli } from '../support.ts';

// Ten rollouts: parallel calls, arguments encoded twice and cut off, equal rewards, prompts that
// differ, a failure, an evaluation without groups, and a line separator of Unicode inside a text.
const rollouts = path.join(import.meta.dirname, 'rollouts.jsonl');
const temporary = (): string => mkdtempSync(path.join(tmpdir(), 'lachesis-export-'));

async function exported(...args: string[]): Promise<{ out: string; account: string }> {
  const run = cli('export', ...args);
  expect(run.err() + String(await run.code)).toMatch(/0$/);
  return { out: run.out(), account: run.err() };
}

describe('each format', () => {
  test.each([
    ['sft', []],
    ['dpo', []],
    ['sharegpt', ['--min-reward', '0.5']],
  ])('%s is as its golden file', async (format, more) => {
    const { out, account } = await exported(rollouts, '--format', format, '--out', '-', ...more);
    const golden = path.join(import.meta.dirname, 'golden', format);
    await expect(out).toMatchFileSnapshot(`${golden}.jsonl`);
    await expect(account).toMatchFileSnapshot(`${golden}.account.txt`);
  });

  test('jsonl is a copy, unscored rollouts included', async () => {
    const { out } = await exported(rollouts, '--format', 'jsonl', '--out', '-');
    expect(out).toBe(readFileSync(rollouts, 'utf8'));
  });

  test('jsonl with a least reward leaves out what is under it or unscored', async () => {
    const { out, account } = await exported(
      ...[rollouts, '--format', 'jsonl', '--out', '-', '--min-reward', '1'],
    );
    expect(out.trimEnd().split('\n')).toHaveLength(3);
    expect(account).toBe(
      'lachesis export: 10 rollouts read, 3 rows written, left out: 6 under --min-reward, 1 not scored (infrastructure_error)\n',
    );
  });

  test('parquet is a table with typed columns', async () => {
    const file = path.join(temporary(), 'rollouts.parquet');
    await exported(rollouts, '--format', 'parquet', '--out', file);
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
    expect(rows).toHaveLength(10);
    expect(rows[0]).toMatchObject({
      ...{ id: 'g1.0', environment: 'shop', index: 0, reward: 1, failure: null },
      ...{ sampled_tokens: 0n, start_time: new Date('2026-11-24T07:00:01Z') },
    });
    expect(JSON.parse(String(rows[0]?.['messages']))).toHaveLength(6);
    expect(rows[5]).toMatchObject({ reward: null });
    expect(JSON.parse(String(rows[5]?.['failure']))).toMatchObject({ reason: 'MODEL_SERVER' });
  });

  test('parquet without a row can be read', async () => {
    const file = path.join(temporary(), 'none.parquet');
    await exported(rollouts, '--format', 'parquet', '--out', file, '--environment', 'chess');
    expect(await parquetReadObjects({ file: await asyncBufferFromFile(file) })).toEqual([]);
  });
});

describe('with the file of their environment, rows have its tools', () => {
  /** The environments of the rollouts. */
  function environments() {
    const folder = temporary();
    const write = (name: string, parts: string): string => {
      const file = path.join(folder, `${name}.mjs`);
      const needed = "tasks: [{ data: 0 }], prompt: () => 'x', reward: () => 0";
      writeFileSync(file, `export default { name: '${name}', ${needed}, ${parts} };`);
      return file;
    };
    const price = { name: 'price', description: 'Of an item.', parameters: { type: 'object' } };
    const shop = write(
      'shop',
      `version: '1', tools: [{ definition: ${JSON.stringify(price)}, execute: () => '' }]`,
    );
    const schema = JSON.stringify([{ type: 'function', function: price }]);
    return { shop, sums: write('sums', "version: '1'"), newer: write, schema };
  }

  test.each(['sft', 'dpo', 'sharegpt'])('%s', async (format) => {
    const { shop, sums, schema } = environments();
    const args = [rollouts, '--format', format, '--out', '-'];
    const plain = (await exported(...args)).out.trimEnd().split('\n');
    const { out, account } = await exported(...args, '--tools', shop, '--tools', sums);
    const rows = out.trimEnd().split('\n');
    expect(rows.length).toBe(plain.length);
    for (const [i, row] of rows.entries()) {
      const { tools, ...rest } = JSON.parse(row);
      expect(rest).toEqual(JSON.parse(plain[i] ?? ''));
      // Text, so that a table of rows with different tools leaves each as it is.
      expect(tools).toBe(rest.environment === 'shop' ? schema : '[]');
    }
    expect(account).not.toContain('another version');
  });

  test('an environment that is missing is asked for', async () => {
    const { shop } = environments();
    const args = ['export', rollouts, '--format', 'sft', '--out', '-', '--tools', shop];
    const run = cli(...args);
    expect(await run.code).toBe(2);
    expect(run.err()).toMatch(/--tools: has no file of `sums`.* Give its file too, or leave/);
    expect(await cli(...args, '--environment', 'shop').code).toBe(0);
  });

  test('another version of it is told', async () => {
    const { newer } = environments();
    const file = newer('shop', "version: '2'");
    const { account } = await exported(
      ...[rollouts, '--format', 'sft', '--out', '-', '--environment', 'shop', '--tools', file],
    );
    expect(account).toMatch(/\d rollouts are of another version of shop than .*shop\.mjs \(2\)/);
  });
});

test('a pair needs a best that reaches the least reward; its worst may be under it', async () => {
  const args = [rollouts, '--format', 'dpo', '--out', '-', '--environment', 'sums'];
  const { out } = await exported(...args, '--min-reward', '1');
  expect(JSON.parse(out)).toMatchObject({ chosen_reward: 1, rejected_reward: -1 });
  const none = await exported(...args, '--min-reward', '1.5');
  expect(none.out).toBe('');
  expect(none.account).toMatch(/2 in groups whose best is under --min-reward/);
});

test('several files are one; blank lines and carriage returns are no matter', async () => {
  const other = path.join(temporary(), 'other.jsonl');
  const text = readFileSync(rollouts, 'utf8');
  writeFileSync(other, text.replaceAll('\n', '\r\n\r\n').trimEnd());
  const { out } = await exported(rollouts, other, '--format', 'jsonl', '--out', '-');
  expect(out).toBe(text + text);
});

describe('a line that is no rollout', () => {
  test.each([
    ['{"schema":', /other\.jsonl:2: is no JSON/],
    ['{"schema":"lachesis.rollout/9"}', /other\.jsonl:2\.schema: is "lachesis\.rollout\/9"/],
    ['{"schema":"lachesis.rollout/1"}', /other\.jsonl:2/],
  ])('%s is told with its file and line, and the old file stays', async (line, message) => {
    const folder = temporary();
    const file = path.join(folder, 'other.jsonl');
    const out = path.join(folder, 'out.jsonl');
    writeFileSync(out, 'old');
    const [first] = readFileSync(rollouts, 'utf8').split('\n');
    writeFileSync(file, `${first}\n${line}\n`);
    const run = cli('export', file, '--format', 'sft', '--out', out);
    expect(await run.code).toBe(2);
    expect(run.err()).toMatch(message);
    expect(readFileSync(out, 'utf8')).toBe('old');
    expect(readdirSync(folder).sort()).toEqual(['other.jsonl', 'out.jsonl']);
  });
});

test.each([
  [[], /FILE: is missing/],
  [['ROLLOUTS'], /--format: is missing; give jsonl, sft, dpo, sharegpt, parquet/],
  [['ROLLOUTS', '--format', 'csv'], /--format: "csv" is unknown/],
  [['ROLLOUTS', '--format', 'sft'], /--out: is missing/],
  [['ROLLOUTS', '--format', 'sft', '--out', 'ROLLOUTS'], /--out: is .*, which is read/],
  [['ROLLOUTS', '--format', 'parquet', '--out', '-'], /--out: must be a file/],
  [
    ['ROLLOUTS', '--format', 'sft', '--out', '-', '--min-reward', 'high'],
    /--min-reward: is "high"/,
  ],
  [
    ['ROLLOUTS', '--format', 'parquet', '--out', 'x', '--tools', 'e.ts'],
    /--tools: is for sft, dpo, sharegpt; parquet has no such column/,
  ],
  [['missing.jsonl', '--format', 'sft', '--out', '-'], /missing\.jsonl: can't be read: ENOENT/],
  [
    ['ROLLOUTS', '--format', 'sft', '--out', 'ROLLOUTS/out'],
    /--out: can't be written: (EEXIST|ENOTDIR)/,
  ],
])('%j says what is wrong', async (args, message) => {
  const run = cli('export', ...args.map((arg) => arg.replace('ROLLOUTS', rollouts)));
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(message);
});

test('a folder that is missing is made', async () => {
  const out = path.join(temporary(), 'a', 'b', 'sft.jsonl');
  await exported(rollouts, '--format', 'sft', '--out', out);
  expect(existsSync(out)).toBe(true);
});

test('a line that is longer than what is read at a time is one line', async () => {
  const file = path.join(temporary(), 'long.jsonl');
  const [first = ''] = readFileSync(rollouts, 'utf8').split('\n');
  const long = first.replace('42 and 17.', 'ü'.repeat(400_000));
  writeFileSync(file, `${long}\n${first}\n`);
  const { out } = await exported(file, '--format', 'jsonl', '--out', '-');
  expect(out).toBe(`${long}\n${first}\n`);
});

test('its help shows the options and teaches by example', async () => {
  const run = cli('export', '--help');
  expect(await run.code).toBe(0);
  expect(run.out()).toContain('--min-reward X');
  expect(run.out()).toMatch(/For example:\n {2}lachesis export/);
});
