// `npm run generate`: gen/ (TypeScript) and python/src/lachesis/v1 (Python stubs) from proto/.
// `npm run generate -- --baseline` re-baselines proto-image/, against which `buf breaking` compares.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ensurePython } from './python.ts';

export const root = path.resolve(import.meta.dirname, '..');
/** The schema of the last release (until v0.1.0: of the last re-baselining), as a buf image. */
export const baselineImage = path.join('proto-image', 'lachesis-v1.binpb');

/** Where `npm run generate` puts the Python stubs, relative to the root. */
export const pythonStubs = path.join('python', 'src');

/** Runs buf from the project root; throws with its output when it fails. */
export function buf(...args: readonly string[]): string {
  return run(path.join(root, 'node_modules', '.bin', 'buf'), args);
}

/** Writes `gen/` below a folder; the freshness test names a temporary one. */
export function generateTypeScript(to: string): void {
  buf('generate', '--output', to);
}

/** Writes `lachesis/v1/*_pb2.py`, `.pyi` and `*_pb2_grpc.py` below a folder. */
export function generatePython(python: string, to: string): void {
  const package_ = path.join(to, 'lachesis', 'v1');
  mkdirSync(package_, { recursive: true });
  for (const name of readdirSync(package_)) {
    if (/_pb2(_grpc)?\.pyi?$/.test(name)) rmSync(path.join(package_, name));
  }
  const protos = readdirSync(path.join(root, 'proto', 'lachesis', 'v1'))
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => `lachesis/v1/${name}`);
  const outputs = ['python_out', 'pyi_out', 'grpc_python_out'].map((flag) => `--${flag}=${to}`);
  run(python, ['-m', 'grpc_tools.protoc', '--proto_path=proto', ...outputs, ...protos]);
  // Messages alone have no use for a stub file without a service.
  for (const name of readdirSync(package_)) {
    if (name.endsWith('_pb2_grpc.py') && !name.endsWith('_service_pb2_grpc.py')) {
      rmSync(path.join(package_, name));
    }
  }
}

function run(program: string, args: readonly string[]): string {
  const done = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
    env: {
      ...process.env,
      PATH: [path.join(root, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(
        path.delimiter,
      ),
      // setuptools announces the end of pkg_resources, which this protoc wrapper imports.
      PYTHONWARNINGS: 'ignore',
    },
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${path.basename(program)} ${args[0]} failed:\n${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--baseline')) {
    buf('build', 'proto', '--exclude-source-info', '--output', baselineImage);
    console.log(`Re-baselined ${baselineImage}: commit it alone, and say why.`);
    return 0;
  }
  generateTypeScript('.');
  console.log('gen/: generated');
  const python = await ensurePython({ generator: true });
  if ('skipped' in python) {
    console.error(`${pythonStubs}: not generated. ${python.skipped}`);
    return 1;
  }
  generatePython(python.python, pythonStubs);
  console.log(`${pythonStubs}/lachesis/v1: generated`);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
