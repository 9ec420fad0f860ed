import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Source texts of what a counting environment has; `undefined` leaves a part out. */
export interface CountingParts {
  readonly version?: string;
  readonly tasks?: string;
  readonly setup?: string;
  readonly save?: string | undefined;
  readonly load?: string | undefined;
  readonly close?: string;
}

/**
 * A folder for environments that count their rollouts, keep that count as their state, and write down
 * when they are loaded, opened, saved and closed. Each is a file of its own, so that it is imported anew.
 */
export class Counting {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'lachesis-state-'));
  readonly state = path.join(this.folder, 'state');
  readonly stateFile = path.join(this.state, 'counting.json');
  readonly #log = path.join(this.folder, 'log');
  #files = 0;

  file(parts: CountingParts = {}): string {
    const {
      version = '1',
      tasks = `[{ data: 'Say anything.' }]`,
      setup = '() => {}',
      save = `() => { log('save ' + played); return { played }; }`,
      load = `(state) => { played = state.played; log('load ' + played); }`,
      close = `({ settings }) => log('close ' + JSON.stringify(settings))`,
    } = parts;
    const checkpoint = [
      'save' in parts && parts.save === undefined ? '' : `save: ${save},`,
      'load' in parts && parts.load === undefined ? '' : `load: ${load},`,
    ].join('');
    this.#files += 1;
    const file = path.join(this.folder, `counting-${this.#files}.mjs`);
    writeFileSync(
      file,
      `import { appendFileSync } from 'node:fs';
       const log = (text) => appendFileSync(${JSON.stringify(this.#log)}, text + '\\n');
       let played = 0;
       export default {
         name: 'counting', version: ${JSON.stringify(version)},
         tasks: () => { log('tasks'); return ${tasks}; },
         setup: ${setup},
         prompt: ({ data }) => data,
         reward: () => { played += 1; return 1; },
         ${checkpoint === '' ? '' : `checkpoint: { ${checkpoint} },`}
         close: ${close},
       };`,
    );
    return file;
  }

  /** What the environments wrote down since this was asked before. */
  log(): readonly string[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n').filter(Boolean);
    writeFileSync(this.#log, '');
    return lines;
  }

  /** The saved count. */
  saved(): number {
    return JSON.parse(readFileSync(this.stateFile, 'utf8')).state.played;
  }
}
