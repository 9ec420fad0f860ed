import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { clipText, errorMessage, invalidInput, type LachesisError } from '../../errors.ts';

/** A table of a TOML file; what it refuses it names by the file and the field. */
export class TomlTable {
  readonly file: string;
  readonly #path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  private constructor(file: string, path: string, values: Readonly<Record<string, unknown>>) {
    this.file = file;
    this.#path = path;
    this.#values = values;
  }

  static read(file: string): TomlTable {
    let values: Readonly<Record<string, unknown>>;
    try {
      values = parse(readFileSync(file, 'utf8'));
    } catch (error) {
      const [problem = ''] = errorMessage(error).split('\n');
      throw invalidInput(file, `can't be read: ${problem}`, { cause: error });
    }
    return new TomlTable(file, '', values);
  }

  /** Empty where the file has none. */
  table(name: string): TomlTable {
    const value = this.#values[name] ?? {};
    if (!isTable(value)) throw this.wrong(name, 'a table is needed.');
    return new TomlTable(this.file, this.#at(name), value);
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    throw this.wrong(name, 'a text is needed.');
  }

  flag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false is needed.');
  }

  /** A number above 0. */
  amount(name: string): number | undefined {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number) && number > 0) return number;
    throw this.wrong(name, 'a number above 0 is needed.');
  }

  /** In MiB: a text such as `4G` or `512M`. */
  size(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT])i?B?$/i.exec(text) ?? [];
    const factor = { K: 1 / 1_024, M: 1, G: 1_024, T: 1_048_576 }[unit.toUpperCase()];
    const mib = Number(number) * (factor ?? 0);
    if (mib > 0) return mib;
    throw this.wrong(name, 'a size such as "4G" or "512M" is needed.');
  }

  /** Texts by name. One that asks for a variable of the host is refused: it may be a secret. */
  variables(name: string): Readonly<Record<string, string>> {
    const { [name]: value = {} } = this.#values;
    if (!isTable(value)) throw this.wrong(name, 'a table of texts is needed.');
    for (const [key, each] of Object.entries(value)) {
      if (typeof each !== 'string') throw this.wrong(name, `${key} must be a text.`);
      if (/\$\{[^}]*\}/.test(each)) {
        throw this.wrong(
          name,
          `${key} asks for a variable of the host, which no sandbox is given.`,
        );
      }
    }
    return value as Readonly<Record<string, string>>;
  }

  /** Refuses fields that change what a task means, and that we have nothing for. */
  refuse(fields: Readonly<Record<string, string>>): void {
    for (const [name, why] of Object.entries(fields)) {
      const value = this.#values[name];
      const isNothing =
        value === undefined || value === 0 || (Array.isArray(value) && value.length === 0);
      if (!isNothing) throw this.wrong(name, why);
    }
  }

  wrong(name: string, what: string): LachesisError {
    const value = this.#values[name];
    const shown = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'missing');
    return invalidInput(`${this.file}: ${this.#at(name)}`, `is ${clipText(shown, 100)}; ${what}`);
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
