import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { cli } from '../cli/support.ts';
import { Program, run } from '../package/support/program.ts';

const root = path.resolve(import.meta.dirname, '../..');
const snippets = path.join(import.meta.dirname, 'snippets');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-pages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The indented commands of the pages, each once, in their order. */
const commands = [
  ...new Set(
    [
      'environments.md',
      'terminal-environments.md',
      'isolation.md',
      'rewards.md',
      'evaluation.md',
      'from-hermes.md',
      'from-atropos.md',
    ].flatMap((page) => {
      const text = readFileSync(path.join(root, 'docs', page), 'utf8').replaceAll(/\\\n\s*/g, ' ');
      return [...text.matchAll(/^ {4}(npx .*|grep .*|wc .*)$/gm)].map(
        ([, command = '']) => command,
      );
    }),
  ),
];

/** A page's files: its own are the snippets, what it writes goes to a folder of this test. */
function placed(word: string): string {
  if (/^[\w-]+\.ts$/.test(word)) return path.join(snippets, word);
  if (/^[\w-]+\.jsonl$|^results$|^\.\/state$/.test(word)) return path.join(folder, word);
  // The page's port may be another program's here.
  if (word === '8000') return '0';
  return word.startsWith('examples/') ? path.join(root, word) : word;
}

test('there are commands to run', () => {
  expect(commands.length).toBeGreaterThan(5);
});

test.each(commands.filter((command) => command.startsWith('npx lachesis serve')))(
  '%s',
  async (command) => {
    const [, , ...words] = command.split(' ');
    const said = cli(...words.map(placed), '--port', '0');
    await said.until(/listening on http/);
    said.stop();
    expect(await said.code).toBe(0);
  },
);

test.each(commands.filter((command) => /^npx lachesis (?!serve)/.test(command)))(
  '%s',
  async (command) => {
    const [, , ...words] = command.split(' ');
    const said = cli(...words.map(placed));
    expect(await said.code, said.err()).toBe(0);
  },
);

test.each(commands.filter((command) => !command.startsWith('npx')))(
  '%s counts what the table says',
  async (command) => {
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: root });
    const page = readFileSync(path.join(root, 'docs/environments.md'), 'utf8');
    const rows = [...page.matchAll(/\(`(.+)`\) \| (\d+) \((\d+)\) \| (\d+) /g)];
    expect(rows.length).toBeGreaterThan(4);
    for (const [, file = '', code = '', all = '', names] of rows) {
      const text = readFileSync(path.join(root, 'examples/environments', file), 'utf8');
      const lines = [...text.matchAll(/^import (?:type )?\{(.*)\} from 'lachesis'/gm)];
      const imported = lines.flatMap(([, list = '']) => list.split(','));
      expect(imported, file).toHaveLength(Number(names));
      // `grep -c` says file:count, `wc -l` count and file.
      const [counted, expected] = command.startsWith('grep')
        ? [new RegExp(`/${file}:(\\d+)$`, 'm'), code]
        : [new RegExp(`(\\d+) \\S*/${file}$`, 'm'), all];
      expect(counted.exec(stdout)?.[1], file).toBe(expected);
    }
  },
);

test('evaluate.ts evaluates on the server that its user runs', async () => {
  const own = { cwd: root, env: { XDG_RUNTIME_DIR: folder } };
  const node = ['--conditions=lachesis-source'];
  const shop = 'examples/environments/shop.ts';
  await using server = new Program(
    process.execPath,
    [...node, 'src/cli/run.ts', 'serve', shop, '--port', '0', '--store', 'none'],
    own,
  );
  await server.said(/listening on/);
  const lines = await run(process.execPath, [...node, path.join(snippets, 'evaluate.ts')], own);
  const samples = lines.split('\n').filter((line) => /^\d+ [0-3] [01]$/.test(line));
  expect(samples).toHaveLength(200);
  expect(lines).toMatch(/^0(\.\d+)? 0n? \[/m);
});
