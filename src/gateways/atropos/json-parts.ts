const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const COLON = 0x3a;

/**
 * Whether JSON has more than `most` lists, objects and keys. Numbers cost little more when they are parsed
 * than they do as text; each of these costs tens of bytes, and a body of nothing else would fill the memory.
 */
export function hasMorePartsThan(most: number, json: Uint8Array): boolean {
  // Each of them takes two bytes at least.
  if (json.length <= 2 * most) return false;
  let parts = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = stringEnd(json, at);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT || byte === COLON) {
      parts += 1;
      if (parts > most) return true;
    }
  }
  return false;
}

/** Where the quote stands that ends the string beginning at `start`; the end of it all when none does. */
function stringEnd(json: Uint8Array, start: number): number {
  for (let at = start + 1; ; ) {
    const quote = json.indexOf(QUOTE, at);
    if (quote < 0) return json.length;
    let slashes = 0;
    while (json[quote - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    at = quote + 1;
  }
}
