import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InstalledPackage, installPackage } from './support/installed-package.ts';
import { Program, run } from './support/program.ts';
import { codeBlock } from './support/readme.ts';

const tsc = path.resolve(import.meta.dirname, '../../node_modules/.bin/tsc');

let installed: InstalledPackage;
/** Where the programs of this test look for one another, and no others. */
let runtime: string;
beforeAll(async () => {
  runtime = await mkdtemp(path.join(tmpdir(), 'lachesis-runtime-'));
  installed = await installPackage();
  await write('adder.ts', codeBlock('adder.ts'));
  await write('play.ts', codeBlock('play.ts'));
}, 180_000);
afterAll(async () => {
  await installed?.[Symbol.asyncDispose]();
  await rm(runtime, { recursive: true, force: true });
});

const write = (name: string, text: string): Promise<void> =>
  writeFile(path.join(installed.folder, name), text);

const here = () => ({ cwd: installed.folder, env: { XDG_RUNTIME_DIR: runtime } });

/** `npx lachesis ...`, served until the scope ends. */
async function serve(...args: readonly string[]): Promise<Program & { readonly address: string }> {
  const program = new Program('npx', ['lachesis', 'serve', ...args, '--port', '0'], here());
  try {
    const [, address = ''] = await program.said(/listening on (?:http:\/\/)?(127\.0\.0\.1:\d+)/);
    return Object.assign(program, { address });
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

describe('the tarball', () => {
  test('holds what is needed to run, and nothing else', () => {
    const allowed =
      /^(dist\/(src|gen|examples)\/.*\.(js|d\.ts)|proto\/.*\.proto|assets\/base-policy\.bin|bin\/lachesis\.mjs|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(installed.files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(installed.files).toEqual(
      expect.arrayContaining([
        'bin/lachesis.mjs',
        'dist/src/index.js',
        'dist/src/index.d.ts',
        'dist/src/client/index.js',
        'dist/src/client/index.d.ts',
        'dist/src/cli/run.js',
        'dist/gen/lachesis/v1/rollout_pb.js',
        'proto/lachesis/v1/rollout.proto',
        'assets/base-policy.bin',
      ]),
    );
  });

  test('is small', () => {
    expect(installed.packedBytes).toBeLessThan(3_000_000);
  });
});

describe('installed in an empty project', () => {
  test('it has types, which the README holds to', async () => {
    await write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022' },
          // Connect's own declarations want the names of fetch, which only `dom` has.
          ...{ lib: ['es2023', 'esnext.disposable', 'dom'], strict: true, noEmit: true },
          ...{ skipLibCheck: false, types: ['node'], allowImportingTsExtensions: true },
        },
        files: ['adder.ts', 'play.ts', 'typed.ts'],
      }),
    );
    await write(
      'typed.ts',
      `import { finalNumber } from 'lachesis';
       import { connect } from 'lachesis/client';
       import adder from './adder.ts';
       // @ts-expect-error the types are no any
       export const text: string = finalNumber('1');
       // @ts-expect-error the types are no any
       export const port: Parameters<typeof connect>[0] = 7070;
       // @ts-expect-error the types are no any
       export const data: undefined = adder.prompt({ key: '', split: '', data: { a: 1, b: 2 } });`,
    );
    await run(tsc, ['-p', '.'], here());
  });

  test('it has the contract, and tells its version', async () => {
    const script = `
      import { existsSync } from 'node:fs';
      import { fileURLToPath } from 'node:url';
      const proto = import.meta.resolve('lachesis/proto/lachesis/v1/rollout.proto');
      if (!existsSync(fileURLToPath(proto))) throw new Error(proto);
      const { default: info } = await import('lachesis/package.json', { with: { type: 'json' } });
      console.log(info.version);`;
    const version = await run('node', ['--input-type=module', '--eval', script], here());
    expect(await run('npx', ['lachesis', '--version'], here())).toBe(version);
  });

  test('it finds the policy that ships with it', async () => {
    const script = `
      import { createEmbeddedPolicy, readBaseCheckpoint } from 'lachesis';
      using policy = createEmbeddedPolicy({ checkpoint: await readBaseCheckpoint() });
      console.log(policy.describe().name);`;
    await write('policy.ts', script);
    expect(await run('node', ['policy.ts'], here())).toMatch(/\S/);
  });

  test('the README’s environment has fewer than 30 lines', () => {
    expect(codeBlock('adder.ts').trim().split('\n').length).toBeLessThan(30);
  });

  test('the README’s environment is served, played by its client, and ends at once', async () => {
    await using server = await serve('adder.ts');
    const output = await run('node', ['play.ts'], here());
    const lines = output.trim().split('\n');
    // Two tasks, two attempts each, and the summary.
    expect(lines).toHaveLength(5);
    for (const line of lines.slice(0, 4)) expect(line).toMatch(/^[01] [01]$/);
    expect(lines[4]).toMatch(/^mean reward (0|1|0\.\d+)$/);

    server.signal('SIGTERM');
    await server.exited;
    expect(server.everything).not.toMatch(/error|warning/i);
    await expect(run('node', ['play.ts'], here())).rejects.toThrow(/no server|serve/);
  });

  test('the program itself ends with 0 when it is told to stop', async () => {
    const program = path.join(installed.folder, 'node_modules', '.bin', 'lachesis');
    await using server = new Program(program, ['serve', 'adder.ts', '--port', '0'], here());
    await server.said(/listening on/);
    server.signal('SIGTERM');
    expect(await server.exited).toBe(0);
  });

  test('the Atropos gateway reads a large body, for which its thread is found', async () => {
    await using server = await serve('adder.ts', '--atropos', '0');
    const [, address = ''] = await server.said(/atropos on (\S+)/);
    const post = async (route: string, body: object): Promise<unknown> => {
      const headers = { 'content-type': 'application/json' };
      const sent = { method: 'POST', headers, body: JSON.stringify(body) };
      return (await fetch(`${address}${route}`, sent)).json();
    };
    await post('/register', {
      ...{ wandb_group: '', wandb_project: '', batch_size: 1, max_token_len: 2048 },
      ...{ checkpoint_dir: '', save_checkpoint_interval: 0, starting_step: 0, num_steps: 1 },
    });
    const images = 'x'.repeat(300_000);
    const group = { tokens: [[1, 2]], masks: [[-100, 2]], scores: [1], images };
    expect(await post('/scored_data', group)).toEqual({ status: 'received' });
    expect(await (await fetch(`${address}/batch`)).json()).toMatchObject({ batch: [{ images }] });
  });

  test('the quick start finds its shop and its trainer', async () => {
    const args = ['lachesis', 'start', '--quick', '--max-steps', '1', '--out', 'rollouts'];
    await using start = new Program('npx', args, here());
    // One step is too few to learn the shop, and it says so.
    expect(await start.exited).toBe(1);
    expect(start.output).toMatch(/^first rollout after [\d.]+ s$/m);
    expect(start.output).toMatch(/^step +1 /m);
    expect(start.everything).toMatch(/^FAILED: the trained policy succeeds/m);
    expect(start.everything).not.toMatch(/^\s+at /m);
  }, 60_000);

  test.each([
    [['serve', 'missing.ts'], 'missing.ts'],
    [['serve'], 'FILE'],
    [['serve', 'adder.ts', '--set', 'hard=1'], 'hard'],
    [['fly'], 'no command "fly"'],
  ])('lachesis %j fails with words, and no stack', async (args, words) => {
    await using program = new Program('npx', ['lachesis', ...args], here());
    expect(await program.exited).toBeGreaterThan(0);
    expect(program.everything).toContain(words);
    expect(program.everything).not.toMatch(/^\s+at /m);
  });
});
