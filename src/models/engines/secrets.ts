import { LachesisError } from '../../errors.ts';

/**
 * What is sent to a server to prove who one is, and must be shown nowhere. A server may say it back:
 * as it is, escaped as JSON or as a part of a URL.
 */
export class Secrets {
  readonly #patterns: readonly RegExp[];

  constructor(secrets: readonly string[]) {
    const longestFirst = [...new Set(secrets.filter((secret) => secret !== ''))].sort(
      (a, b) => b.length - a.length,
    );
    this.#patterns = longestFirst.map(
      (secret) => new RegExp([...secret].map(spellings).join(''), 'g'),
    );
  }

  /** To be called before a text is cut: half a secret is not found. */
  hide(text: string): string {
    return this.#patterns.reduce((shown, pattern) => shown.replace(pattern, '***'), text);
  }

  /** The error itself where it holds none; else one without, and without its cause. */
  hideIn(error: LachesisError): LachesisError {
    const message = this.hide(error.message);
    const metadata = Object.fromEntries(
      Object.entries(error.metadata).map(([key, value]) => [key, this.hide(value)]),
    );
    const isSame = Object.entries(metadata).every(([key, value]) => error.metadata[key] === value);
    if (message === error.message && isSame && !this.#isIn(error.cause)) return error;
    const { kind, reason, field, retryAfterMs } = error;
    // The remedy is in the message already.
    return new LachesisError(kind, message, {
      reason,
      metadata,
      ...(field !== undefined && { field }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }

  #isIn(cause: unknown): boolean {
    if (!(cause instanceof Error)) return false;
    return this.hide(cause.message) !== cause.message || this.#isIn(cause.cause);
  }
}

/** A character as itself, as JSON may escape it, or as a URL may. */
function spellings(character: string): string {
  const literal = escaped(character);
  const units = Array.from({ length: character.length }, (_, at) =>
    hex(character.charCodeAt(at), 4),
  );
  const bytes = [...Buffer.from(character)].map((byte) => `%${anyCase(hex(byte, 2))}`);
  const escapes = [units.map((unit) => `\\\\u${anyCase(unit)}`).join(''), bytes.join('')];
  const short = '"\\/'.includes(character) ? [`\\\\${escaped(character)}`] : [];
  return `(?:${[...short, literal, ...escapes].join('|')})`;
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function anyCase(digits: string): string {
  return digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
