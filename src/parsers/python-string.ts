import { incomplete, invalid, type Reader, skipSpace, stop } from './literal-reader.ts';

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', ''],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/** Strings that stand next to each other are one. */
export function readStrings(reader: Reader, isRaw: boolean): string {
  let value = readString(reader, isRaw);
  for (;;) {
    const next = skipSpace(reader.text, reader.at);
    const quote = reader.text[next];
    if (quote !== '"' && quote !== "'") return value;
    reader.at = next;
    value += readString(reader, false);
  }
}

const PLAIN = { "'": /[^'\\\n]*/y, '"': /[^"\\\n]*/y };
const PLAIN_TRIPLE = { "'": /[^'\\]*/y, '"': /[^"\\]*/y };

function readString(reader: Reader, isRaw: boolean): string {
  const { text, at } = reader;
  const quote = text[at] as '"' | "'";
  const isTriple = text.startsWith(quote.repeat(3), at);
  const close = isTriple ? quote.repeat(3) : quote;
  const run = (isTriple ? PLAIN_TRIPLE : PLAIN)[quote];
  const pieces: string[] = [];
  reader.at = at + close.length;
  for (;;) {
    run.lastIndex = reader.at;
    pieces.push(run.exec(text)?.[0] ?? '');
    reader.at = run.lastIndex;
    if (text.startsWith(close, reader.at)) {
      reader.at += close.length;
      return pieces.join('');
    }
    const character = text[reader.at];
    if (character === quote) {
      // Within three quotes, one or two are text.
      pieces.push(quote);
      reader.at += 1;
    } else if (character === '\\') {
      pieces.push(isRaw ? readRaw(reader) : readEscape(reader));
    } else {
      throw stop(reader);
    }
  }
}

function readRaw(reader: Reader): string {
  const pair = reader.text.slice(reader.at, reader.at + 2);
  if (pair.length < 2) throw incomplete();
  reader.at += 2;
  return pair;
}

function readEscape(reader: Reader): string {
  const { text, at } = reader;
  const letter = text[at + 1];
  if (letter === undefined) throw incomplete();
  const plain = ESCAPES.get(letter);
  const hexLength = HEX_LENGTHS.get(letter);
  if (plain !== undefined) {
    reader.at = at + 2;
    return plain;
  }
  if (hexLength !== undefined) {
    const hex = text.slice(at + 2, at + 2 + hexLength);
    if (/[^\da-fA-F]/.test(hex)) throw invalid(at);
    if (hex.length < hexLength) throw incomplete();
    const code = Number.parseInt(hex, 16);
    if (code > 0x10_ffff) throw invalid(at);
    reader.at = at + 2 + hexLength;
    // Halves of a pair that were escaped one by one come together again.
    return code > 0xffff ? String.fromCodePoint(code) : String.fromCharCode(code);
  }
  const octal = /^[0-7]{1,3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined) {
    reader.at = at + 1 + octal.length;
    return String.fromCharCode(Number.parseInt(octal, 8));
  }
  // Names of characters need a table that is not here.
  if (letter === 'N') throw invalid(at);
  reader.at = at + 2;
  return `\\${letter}`;
}
