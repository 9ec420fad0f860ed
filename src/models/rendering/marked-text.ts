import type { JsonSpelling } from './json-spelling.ts';

/** Whose text a run of the rendered text is. */
export interface TextOwner {
  readonly origin: 'prompt' | 'tool' | 'foreign' | 'template';
  readonly messageIndex?: number;
}

/**
 * A run of rendered text. Without an owner it is the template's own, and spells control tokens where
 * they are whole in it; two runs side by side never make one together.
 */
export interface TextRun {
  readonly text: string;
  readonly owner: TextOwner | undefined;
}

export interface TextMarksOptions {
  readonly tracks?: boolean;
  readonly escapes?: boolean;
  /** With `g`. */
  readonly blanks?: RegExp | undefined;
}

/**
 * Follows texts through a template. A text is put in between marks of private-use code points, which
 * templates carry along, so that what comes out says where each piece came from. Marks stand inside
 * the white space at a text's ends: templates trim texts, and must find that white space.
 */
export class TextMarks {
  readonly #owners: MarkedOwner[] = [];
  readonly #control: RegExp | undefined;
  readonly #blanks: RegExp | undefined;
  readonly #tracks: boolean;
  readonly #escapes: boolean;

  /**
   * `control` finds spelled control tokens. `tracks`: texts are marked as somebody's; without it they
   * only get breaks, so that a template sees them as they are. `escapes`: the template may write marks as
   * escapes of JSON. `blanks`: letters that become others where texts are not tracked.
   */
  constructor(control: RegExp | undefined, options: TextMarksOptions = {}) {
    this.#control = control;
    this.#blanks = options.blanks;
    this.#tracks = options.tracks ?? true;
    this.#escapes = options.escapes ?? false;
  }

  /** The text with the marks of its owner. `keeps` says which white space at its ends will come out. */
  mark(text: string, owner: TextOwner, keeps: KeptEdges = NO_EDGES): string {
    if (!this.#tracks) {
      return this.guard(this.#blanks === undefined ? text : text.replace(this.#blanks, '\ue000'));
    }
    const { lead, body, trail } = edges(literal(text));
    if (body === '') return text;
    const kept = { owner, lead: keeps.lead ? lead : '', trail: keeps.trail ? trail : '' };
    const index = this.#owners.push(kept) - 1;
    return `${lead}${opening(index)}${this.#broken(body)}${CLOSE}${trail}`;
  }

  /** For texts that templates compare, such as names and types: only control tokens in them are marked. */
  guard(text: string): string {
    return this.#broken(literal(text));
  }

  /**
   * A text with a break in each control token that it spells: no template finds one to cut the text at,
   * and none comes out, wherever the text is cut.
   */
  #broken(given: string): string {
    // What looks like an escaped mark and is the text's own.
    const text = this.#escapes ? given.replace(/\\(?=u[dD][b-fB-F])/g, `\\${BREAK}`) : given;
    if (this.#control === undefined) return text;
    return text.replace(
      new RegExp(this.#control.source, 'g'),
      (token) => `${token.slice(0, 1)}${BREAK}${token.slice(1)}`,
    );
  }

  /** For JSON that a template reads; strings in it belong to `owner`, or only stay text without one. */
  spelling(owner?: TextOwner): JsonSpelling {
    return {
      text: (text) => (owner === undefined ? this.guard(text) : this.mark(text, owner)),
      key: (key) => KEY + key,
      name: (name) => this.guard(name),
      number: (spelling) => NUMBER + spelling + NUMBER,
    };
  }

  /** The runs of what a template made of marked texts, without the marks. */
  read(rendered: string): TextRun[] {
    return this.#read(this.#escapes ? unescapeMarks(rendered) : rendered, new Set());
  }

  /** `cut`: where texts begin whose end the template left out; nothing says how far they go. */
  #read(rendered: string, cut: ReadonlySet<number>): TextRun[] {
    const runs: TextRun[] = [];
    const open: { readonly of: MarkedOwner | undefined; readonly at: number }[] = [];
    let text = '';
    const push = (run: string, owner: TextOwner | undefined): void => {
      if (run !== '') runs.push({ text: run, owner });
    };
    /** Whose white space the text may begin with: that of a text which has just ended. */
    let ended: MarkedOwner | undefined;
    const flush = (next?: MarkedOwner): void => {
      const owner = open.at(-1)?.of?.owner;
      const trail = ended === undefined ? '' : kept(ended.trail, (edge) => text.startsWith(edge));
      push(text.slice(0, trail.length), ended?.owner);
      text = text.slice(trail.length);
      const lead = next === undefined ? '' : kept(next.lead, (edge) => text.endsWith(edge));
      push(text.slice(0, text.length - lead.length), owner);
      push(lead, next?.owner);
      text = '';
      ended = undefined;
    };
    let from = 0;
    for (const match of rendered.matchAll(MARKS)) {
      // A literal was taken together with the mark before it.
      if (match.index < from) continue;
      text += rendered.slice(from, match.index);
      const mark = match[0];
      from = match.index + mark.length;
      if (mark === LITERAL) {
        text += rendered.slice(from, from + 2);
        from += 2;
      } else if (mark === NUMBER) {
        const end = rendered.indexOf(NUMBER, from);
        if (end < 0) continue;
        const number = rendered.slice(from, end);
        from = end + NUMBER.length;
        // `tojson` wrote the number as the string that it travelled in.
        if (text.endsWith('"') && rendered[from] === '"') {
          text = text.slice(0, -1);
          from += 1;
        }
        text += number;
      } else if (mark === CLOSE) {
        flush();
        ended = open.pop()?.of;
      } else if (mark === BREAK) {
        // A run of its own from here: control tokens are looked for within runs.
        flush();
      } else if (mark !== KEY && !cut.has(match.index)) {
        const next = this.#owners[mark.codePointAt(0)! - FIRST_OPENING];
        flush(next);
        open.push({ of: next, at: match.index });
      }
    }
    text += rendered.slice(from);
    flush();
    if (open.length === 0) return runs;
    return this.#read(rendered, new Set([...cut, ...open.map(({ at }) => at)]));
  }
}

/** Which white space at the ends of a text the template leaves there. */
export interface KeptEdges {
  readonly lead: boolean;
  readonly trail: boolean;
}

const NO_EDGES: KeptEdges = Object.freeze({ lead: false, trail: false });

interface MarkedOwner {
  readonly owner: TextOwner;
  readonly lead: string;
  readonly trail: string;
}

/** The white space as it came out: as it was, or as `tojson` writes it. */
function kept(edge: string, isThere: (edge: string) => boolean): string {
  if (edge === '') return '';
  return [edge, JSON.stringify(edge).slice(1, -1)].find(isThere) ?? '';
}

const FIRST_OPENING = 0x10_0000;
const CLOSE = '\u{10f000}';
const LITERAL = '\u{10f001}';
const NUMBER = '\u{10f002}';
const KEY = '\u{10f003}';
const BREAK = '\u{10f004}';
const LITERAL_ESCAPED = '\\udbfc\\udc01';
const MARKS = /[\u{100000}-\u{10ffff}]/gu;

function opening(index: number): string {
  // More texts than there are marks share the last one: a conversation of 60,000 messages.
  return String.fromCodePoint(FIRST_OPENING + Math.min(index, 0xefff));
}

/** A text whose own code points of the marks' plane are taken as they are. */
function literal(text: string): string {
  return text.toWellFormed().replace(MARKS, (letter) => LITERAL + letter);
}

/** Marks that `tojson` wrote as escapes, as letters again; those of texts' own letters stay escaped. */
function unescapeMarks(rendered: string): string {
  return rendered.replace(
    /(?<!\\)((?:\\\\)*)\\u(db[c-f][\da-f])\\u(d[c-f][\da-f]{2})/g,
    (whole, slashes: string, high: string, low: string, at: number) => {
      const mark = String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
      // Behind a literal's mark: a letter of the text itself.
      if (rendered.slice(at - LITERAL_ESCAPED.length, at) === LITERAL_ESCAPED) return whole;
      return slashes + (mark === LITERAL ? '' : mark);
    },
  );
}

function edges(text: string): { lead: string; body: string; trail: string } {
  let start = 0;
  while (start < text.length && isSpace(text[start]!)) start += 1;
  let end = text.length;
  while (end > start && isSpace(text[end - 1]!)) end -= 1;
  return { lead: text.slice(0, start), body: text.slice(start, end), trail: text.slice(end) };
}

/** A byte order mark is white space to JavaScript and not to the templates' own language. */
function isSpace(letter: string): boolean {
  return letter !== '\ufeff' && letter.trim() === '';
}

/** Whether the text is one on its way through a template. */
export function isMarked(text: string): boolean {
  return text.includes(CLOSE) || text.search(MARKS) >= 0;
}

/** The text of runs. */
export function textOfRuns(runs: readonly TextRun[]): string {
  return runs.map(({ text }) => text).join('');
}
