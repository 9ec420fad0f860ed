/** How a vocabulary spells bytes in its pieces, as the tokenizer's decoder undoes it. */
export type PieceSpelling = 'byte_level' | 'byte_fallback' | 'plain';

/** Reads the spelling off the `decoder` of a tokenizer.json. */
export function pieceSpelling(decoder: unknown): PieceSpelling {
  const text = JSON.stringify(decoder ?? null);
  if (text.includes('"ByteLevel"')) return 'byte_level';
  if (text.includes('"ByteFallback"') || text.includes('"Metaspace"')) return 'byte_fallback';
  return 'plain';
}

/** The bytes that a piece of the vocabulary stands for, not counting a space that starts a text. */
export function pieceBytes(piece: string, spelling: PieceSpelling): Uint8Array {
  switch (spelling) {
    case 'byte_level': {
      const bytes = Uint8Array.from(piece, (letter) => BYTE_OF_LETTER.get(letter) ?? NO_BYTE);
      // An added token stands among the others with its text as it is.
      return bytes.includes(NO_BYTE) && !isAllLetters(piece) ? encoder.encode(piece) : bytes;
    }
    case 'byte_fallback': {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
      if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
      return encoder.encode(piece.replaceAll('\u2581', ' '));
    }
    case 'plain':
      return encoder.encode(piece);
  }
}

const encoder = new TextEncoder();
const NO_BYTE = 0;

/**
 * The letters that byte-level vocabularies write bytes in: a byte that prints in Latin-1 is its own
 * letter, and the others take the code points from 256 on, in order.
 */
const BYTE_OF_LETTER: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const prints = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    letters.set(String.fromCodePoint(prints ? byte : next++), byte);
  }
  return letters;
})();

function isAllLetters(piece: string): boolean {
  for (const letter of piece) if (!BYTE_OF_LETTER.has(letter)) return false;
  return true;
}
