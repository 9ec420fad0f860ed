import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { shellWord } from '../../sandbox/index.ts';

/** From where a new project can have the `lachesis` that is running. */
export interface OwnSource {
  /** What its package.json says: a version, or where a tarball is. */
  readonly spec: string;
  /** What must be done before `npm install` works, as a command or a sentence. */
  readonly before?: string;
}

/** What npm writes down of what it installed. */
interface Lock {
  readonly packages?: Readonly<Record<string, { readonly resolved?: unknown } | undefined>>;
}

/**
 * Decided by where the package lies: a checkout has to be packed first; what npm installed came from where
 * npm's own notes say, such as a tarball. Paths are relative to the project.
 */
export function ownSource(packageRoot: string, version: string, project: string): OwnSource {
  const fileSpec = (file: string): string =>
    `file:${path.relative(project, file).split(path.sep).join('/')}`;
  if (existsSync(path.join(packageRoot, 'scripts', 'run.mjs'))) {
    const tarball = path.join(packageRoot, `lachesis-${version}.tgz`);
    const spec = fileSpec(tarball);
    return existsSync(tarball)
      ? { spec }
      : { spec, before: `(cd ${quoted(packageRoot)} && npm pack)` };
  }
  const modules = path.dirname(packageRoot);
  const resolved = resolvedBy(path.join(modules, '.package-lock.json'));
  if (resolved?.startsWith('https://registry.npmjs.org/')) return { spec: version };
  if (resolved?.startsWith('file:')) {
    const tarball = path.resolve(path.dirname(modules), resolved.slice('file:'.length));
    if (existsSync(tarball)) return { spec: fileSpec(tarball) };
  } else if (resolved !== undefined) return { spec: resolved };
  return {
    spec: version,
    before:
      '# lachesis is not on npm yet: in package.json, put the path of its tarball, "file:../lachesis-' +
      `${version}.tgz", in place of "${version}"`,
  };
}

function resolvedBy(lockFile: string): string | undefined {
  try {
    const lock = JSON.parse(readFileSync(lockFile, 'utf8')) as Lock;
    const resolved = lock.packages?.['node_modules/lachesis']?.resolved;
    return typeof resolved === 'string' ? resolved : undefined;
  } catch {
    return undefined;
  }
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : shellWord(text);
}
