/**
 * JSON as Python's `json.loads` and `json.dumps` would carry it through a template. Numbers whose
 * spelling differs between Python and JavaScript, and keys that JavaScript would move to the front,
 * become what `number` and `key` make of them; the rest are plain values.
 */
export interface JsonSpelling {
  /** Stands for a number that is to be written as `spelling`. */
  number(spelling: string): unknown;
  /** Stands for a key that looks like an integer. */
  key(key: string): string;
  /** Any other key. */
  name(name: string): string;
  text(text: string): string;
}

/**
 * Reads JSON for a template; undefined when it is no JSON, or nested deeper than a template could write.
 */
export function readJsonFor(text: string, spelling: JsonSpelling): { value: unknown } | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const reader = new Reader(text, spelling);
  const value = reader.value(0);
  return reader.tooDeep ? undefined : { value };
}

/** A template writes values by recursion. */
const MAX_DEPTH = 200;

/** Reads a text that is known to be JSON, so it only looks where tokens end. */
class Reader {
  tooDeep = false;
  #at = 0;
  readonly #text: string;
  readonly #spelling: JsonSpelling;

  constructor(text: string, spelling: JsonSpelling) {
    this.#text = text;
    this.#spelling = spelling;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.tooDeep = true;
    if (this.tooDeep) return null;
    switch (this.#peek()) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#list(depth);
      case '"':
        return this.#spelling.text(this.#string());
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): unknown {
    const entries = new Map<string, unknown>();
    this.#at += 1;
    while (this.#peek() !== '}' && !this.tooDeep) {
      const name = this.#string();
      this.#skip(':');
      const key = /^(0|[1-9]\d*)$/.test(name)
        ? this.#spelling.key(name)
        : this.#spelling.name(name);
      entries.set(key, this.value(depth + 1));
      this.#skip(',');
    }
    this.#at += 1;
    // Not a plain literal: `__proto__` is a key like any other.
    return Object.fromEntries(entries);
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    while (this.#peek() !== ']' && !this.tooDeep) {
      items.push(this.value(depth + 1));
      this.#skip(',');
    }
    this.#at += 1;
    return items;
  }

  #string(): string {
    this.#peek();
    const start = this.#at;
    this.#at += 1;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    this.#at += 1;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #scalar(): unknown {
    const start = this.#at;
    while (this.#at < this.#text.length && !' \t\n\r,]}'.includes(this.#text[this.#at]!)) {
      this.#at += 1;
    }
    const word = this.#text.slice(start, this.#at);
    if (!/^[-\d]/.test(word)) return JSON.parse(word);
    const spelled = pythonNumber(word);
    const number = Number(word);
    return String(number) === spelled && !Object.is(number, -0)
      ? number
      : this.#spelling.number(spelled);
  }

  /** The next character that is no space. */
  #peek(): string | undefined {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '-')) this.#at += 1;
    return this.#text[this.#at];
  }

  #skip(letter: string): void {
    if (this.#peek() === letter) this.#at += 1;
  }
}

/** A JSON number as Python writes it back: integers digit by digit, others as `repr` of the double. */
export function pythonNumber(json: string): string {
  if (!/[.eE]/.test(json)) return json === '-0' ? '0' : json;
  const value = Number(json);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign}Infinity`;
  if (size === 0) return `${sign}0.0`;
  // The shortest digits that say the double, which both languages find alike.
  const [mantissa = '', power = '0'] = size.toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const two = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${rest}e${exponent < 0 ? '-' : '+'}${two}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
