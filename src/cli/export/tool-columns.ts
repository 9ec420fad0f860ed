import type { EnvironmentDefinition } from '../../environment/index.ts';
import { invalidInput } from '../../errors.ts';
import { loadDefinition } from '../load-environment.ts';
import type { ReadRollout } from './read-rollouts.ts';

interface Known {
  readonly file: string;
  readonly version: string;
  readonly tools: string;
  otherVersion: number;
}

/**
 * The tools that a row's model was told of: no rollout file has them, so they are taken from the
 * environments' own files. Always as JSON text: rows are loaded into tables, where a list of schemas
 * would be merged into one type, and every tool be given the arguments of all others.
 */
export class ToolColumns {
  readonly #known = new Map<string, Known>();

  static async load(files: readonly string[]): Promise<ToolColumns> {
    const columns = new ToolColumns();
    for (const file of files) columns.#add(file, await loadDefinition(file));
    return columns;
  }

  #add(file: string, { name, version = '', tools = [] }: EnvironmentDefinition): void {
    if (this.#known.has(name)) {
      throw invalidInput('--tools', `has two files of the environment \`${name}\`.`);
    }
    const schemas = tools.map(({ definition: { name, description, parameters } }) => ({
      type: 'function',
      function: { name, description, parameters },
    }));
    this.#known.set(name, { file, version, tools: JSON.stringify(schemas), otherVersion: 0 });
  }

  /** The column of one rollout. Throws an invalid_input for one of an environment that was not given. */
  of({ rollout: { id, provenance } }: ReadRollout): { readonly tools: string } {
    const { environment, environmentVersion } = provenance;
    const known = this.#known.get(environment);
    if (known === undefined) {
      throw invalidInput(
        '--tools',
        `has no file of \`${environment}\`, of which rollout ${id} is.`,
        {
          remedy: 'Give its file too, or leave its rollouts out with --environment NAME.',
        },
      );
    }
    if (environmentVersion !== known.version) known.otherVersion += 1;
    return { tools: known.tools };
  }

  /** What is to be said of rows whose tools may have been others. */
  get warnings(): readonly string[] {
    return [...this.#known].flatMap(([name, { file, version, otherVersion }]) =>
      otherVersion === 0
        ? []
        : [
            `${otherVersion} rollouts are of another version of ${name} than ${file} (${version || 'none'}); their tools may have been others`,
          ],
    );
  }
}
