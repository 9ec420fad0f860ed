import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import { packageVersion } from '../../server/index.ts';
import type { Command } from '../command.ts';
import { textOption } from '../read-options.ts';
import { ownSource, quoted } from './own-source.ts';
import { projectFiles } from './project-files.ts';
import { TEMPLATES } from './templates.ts';

const NAMES = Object.keys(TEMPLATES);

/** `lachesis init [FOLDER]`: a project with an environment that runs, to be changed. */
export const initCommand: Command = {
  name: 'init',
  summary: 'Begin a project with an environment of your own.',
  usage: '[FOLDER] [options]',
  examples: [
    'lachesis init my-environment',
    'lachesis init my-environment --template single-turn',
    'lachesis init   # in this folder',
  ],
  options: {
    template: {
      type: 'string',
      value: 'NAME',
      help: `${Object.entries(TEMPLATES)
        .map(([name, { summary }]) => `${name}: ${summary}`)
        .join(' ')} Default: tool.`,
    },
  },
  run: async ({ positionals, values }, io) => {
    const [given = '.', extra] = positionals;
    if (extra !== undefined) throw invalidInput('FOLDER', `is followed by "${extra}"; give one.`);
    const templateName = textOption(values, 'template') ?? 'tool';
    const template = Object.hasOwn(TEMPLATES, templateName) ? TEMPLATES[templateName] : undefined;
    if (template === undefined) {
      throw invalidInput('--template', `"${templateName}" is unknown; give ${NAMES.join(' or ')}.`);
    }
    const folder = path.resolve(io.folder ?? '.', given);
    const source = ownSource(packageRoot(), packageVersion(), folder);
    const files = projectFiles(nameOf(folder), template, source.spec);
    writeProject(folder, files);
    for (const name of Object.keys(files)) io.out(`wrote ${path.join(given, name)}\n`);
    io.out('\nNext:\n');
    if (source.before !== undefined) io.out(`  ${source.before}\n`);
    io.out(`  ${given === '.' ? '' : `cd ${quoted(given)} && `}npm install\n`);
    io.out('  npx lachesis validate environment.ts\n');
    return 0;
  },
};

function packageRoot(): string {
  return path.dirname(createRequire(import.meta.url).resolve('lachesis/package.json'));
}

/** A name that npm and `defineEnvironment` both take. */
function nameOf(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 64);
  return name === '' ? 'environment' : name;
}

/** Writes all files or, where one of them is there already, none. */
function writeProject(folder: string, files: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(folder, { recursive: true });
    const there = new Set(readdirSync(folder));
    const taken = Object.keys(files).filter((name) => there.has(name));
    if (taken.length > 0) {
      throw new LachesisError('already_exists', `${folder} has ${taken.join(', ')} already.`, {
        reason: 'FILE_EXISTS',
        remedy: 'Nothing was written: give another folder, or move them away.',
      });
    }
    // `wx`: a file that came meanwhile is not overwritten either.
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(path.join(folder, name), text, { flag: 'wx' });
    }
  } catch (error) {
    if (error instanceof LachesisError) throw error;
    throw invalidInput('FOLDER', `can't be written to: ${errorMessage(error)}.`, { cause: error });
  }
}
