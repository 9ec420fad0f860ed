/** How a text of literals is read: the place in it, and what ends the reading from any depth. */

export type LiteralScan =
  | { readonly kind: 'complete'; readonly end: number; readonly json: string }
  /** The text ended inside the literal. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly offset: number };

/** Ends the scan from any depth. */
export class Stop {
  readonly scan: LiteralScan;
  constructor(scan: LiteralScan) {
    this.scan = scan;
  }
}

export interface Reader {
  readonly text: string;
  at: number;
}

export function stop(reader: Reader): Stop {
  const isOver = reader.at >= reader.text.length;
  return new Stop(isOver ? { kind: 'incomplete' } : { kind: 'invalid', offset: reader.at });
}

export function incomplete(): Stop {
  return new Stop({ kind: 'incomplete' });
}

export function invalid(offset: number): Stop {
  return new Stop({ kind: 'invalid', offset });
}

export function skipSpace(text: string, at: number): number {
  let position = at;
  while (position < text.length && ' \n\r\t\f'.includes(text[position] as string)) position += 1;
  return position;
}
