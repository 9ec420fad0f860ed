import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './program.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** What `npm pack` and the build that it runs need of a checkout. */
const SOURCES = [
  ...['src', 'gen', 'proto', 'assets', 'bin', 'scripts', 'examples', 'package.json'],
  ...['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['LICENSE', 'README.md', 'CHANGELOG.md'],
];

/** The package as npm would publish it, and an empty project that has nothing but it installed. */
export interface InstalledPackage extends AsyncDisposable {
  /** Paths in the tarball. */
  readonly files: readonly string[];
  readonly packedBytes: number;
  /** The project. */
  readonly folder: string;
}

/** Packs a copy of this checkout, so that nobody's `dist/` is touched, and installs the tarball. */
export async function installPackage(): Promise<InstalledPackage> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'lachesis-package-'));
  const remove = (): Promise<void> => rm(temporary, { recursive: true, force: true });
  try {
    const copy = path.join(temporary, 'copy');
    const folder = path.join(temporary, 'project');
    await mkdir(copy);
    await mkdir(folder);
    for (const name of SOURCES) {
      await cp(path.join(root, name), path.join(copy, name), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const packed = await run('npm', ['pack', '--json', '--pack-destination', temporary], {
      cwd: copy,
    });
    // What prepack prints stands before the JSON.
    const [tarball] = JSON.parse(packed.slice(packed.search(/^\[/m))) as readonly {
      readonly filename: string;
      readonly size: number;
      readonly files: readonly { readonly path: string }[];
    }[];
    if (tarball === undefined) throw new Error(`npm pack packed nothing:\n${packed}`);
    await writeFile(
      path.join(folder, 'package.json'),
      JSON.stringify({ name: 'project', private: true, type: 'module' }),
    );
    await run(
      'npm',
      [
        'install',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        path.join(temporary, tarball.filename),
      ],
      { cwd: folder },
    );
    return {
      files: tarball.files.map((file) => file.path),
      packedBytes: tarball.size,
      folder,
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
