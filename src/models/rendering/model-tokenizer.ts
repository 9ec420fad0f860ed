import { createHash } from 'node:crypto';
import { Tokenizer } from '@huggingface/tokenizers';
import { errorMessage, invalidInput } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../messages.ts';
import { isJsonObject } from '../../messages.ts';
import type { TextTokenizer } from './chatml-renderer.ts';
import { concatIds } from './concat-ids.ts';
import { chatTemplateOf } from './config-template.ts';
import { allMatches, controlPattern } from './control-pattern.ts';
import { exactPreTokenizer } from './exact-pre-tokenizer.ts';
import { type PieceSpelling, pieceBytes, pieceSpelling } from './piece-bytes.ts';

/** A token that only a template, or the model itself, may write: never the text of a message. */
export interface ControlToken {
  readonly id: number;
  readonly text: string;
  /** Takes the white space before it (or after it) along, as some vocabularies have it. */
  readonly stripsBefore: boolean;
  readonly stripsAfter: boolean;
}

export interface ModelTokenizerOptions {
  /** The parsed tokenizer.json. */
  readonly tokenizer: JsonObject;
  /** The parsed tokenizer_config.json. Default: empty. */
  readonly config?: JsonObject;
  /**
   * The chat template, when it isn't the config's own: an added token that it spells is a control token.
   */
  readonly template?: string;
}

/** The tokenizer of a model, from its own files. It never adds a token that the text doesn't spell. */
export interface ModelTokenizer extends TextTokenizer {
  readonly controlTokens: readonly ControlToken[];
  /** Texts of all that were added to the vocabulary, control tokens or not. */
  readonly addedTokens: readonly string[];
  /** What the config calls `bos_token`, `eos_token` and so on; names are as there, without `_token`. */
  readonly namedTokens: Readonly<Record<string, string>>;
  /**
   * Ids of a text in which control tokens are only spelled. `continues`: a token stands before it, so
   * it doesn't get the space that starts a text in some vocabularies.
   */
  encodeText(text: string, options?: { readonly continues?: boolean }): Int32Array;
  /** The vocabulary's own spelling of an id. */
  pieceOf(id: number): string | undefined;
  idOf(piece: string): number | undefined;
  /** The bytes that an id stands for; undefined for an id that is none. */
  bytesOf(id: number): Uint8Array | undefined;
  /** The text that is really split into pieces, where a vocabulary has one normal form of it. */
  normalize(text: string): string;
}

/**
 * Reads a model's tokenizer. Encoding runs on the caller's thread, at about a megabyte a second: a
 * text of megabytes is for a worker thread of the caller's own.
 * @throws invalid_input when the files aren't those of a tokenizer that can be read here.
 */
export function createModelTokenizer(options: ModelTokenizerOptions): ModelTokenizer {
  const { tokenizer: json, config = {} } = options;
  const added = addedTokens(json);
  const template = options.template ?? chatTemplateOf(config) ?? '';
  const control = added.filter((token) => isControl(token, template));
  const inner = construct(
    json,
    config,
    added.filter((token) => !control.includes(token)),
  );
  const byText = new Map(control.map((token) => [token.text, token]));
  const byId = new Map(control.map((token) => [token.id, token]));
  const pattern = controlPattern([...byText.keys()]);
  const spelling = pieceSpelling(json['decoder']);
  const sizes = [...inner.get_vocab().values(), ...control.map(({ id }) => id)];
  const vocabularySize = sizes.reduce((most, id) => Math.max(most, id), -1) + 1;

  const encodeText: ModelTokenizer['encodeText'] = (text, { continues = false } = {}) => {
    const wellFormed = text.toWellFormed();
    if (wellFormed === '') return new Int32Array(0);
    const ids = rawIds(inner, wellFormed, continues);
    if (!ids.some((id) => byId.has(id))) return ids;
    // Some vocabularies list control tokens among their pieces, and can make one of plain text.
    const spelled = concatIds(
      apart(wellFormed, pattern).map((piece, index) =>
        rawIds(inner, piece, continues || index > 0),
      ),
    );
    const found = spelled.find((id) => byId.has(id));
    if (found === undefined) return spelled;
    throw invalidInput(
      'text',
      `spells the control token ${byId.get(found)!.text} and nothing else.`,
      {
        reason: 'CONTROL_TOKEN_IN_TEXT',
      },
    );
  };

  return Object.freeze({
    vocabularySize,
    fingerprint: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    controlTokens: Object.freeze(control),
    addedTokens: Object.freeze(added.map(({ text }) => text)),
    namedTokens: Object.freeze(namedTokens(config)),
    encodeText,
    encode(text: string, { allowSpecial = false } = {}) {
      if (!allowSpecial || pattern === undefined) return encodeText(text);
      return encodeWithControl(text.toWellFormed(), { pattern, byText, encodeText });
    },
    decode(ids: Iterable<number>) {
      return decodeIds([...ids], { inner, byId });
    },
    pieceOf: (id: number) => byId.get(id)?.text ?? inner.id_to_token(id),
    idOf: (piece: string) => byText.get(piece)?.id ?? inner.token_to_id(piece),
    bytesOf: (id: number) => bytesOf(id, { inner, byId, spelling }),
    normalize: (text: string) => (inner.normalizer === null ? text : inner.normalizer(text)),
  });
}

interface AddedToken extends ControlToken {
  readonly special: boolean;
  readonly entry: JsonValue;
}

function addedTokens(json: JsonObject): AddedToken[] {
  const list = json['added_tokens'] ?? [];
  if (!Array.isArray(list)) throw invalidInput('tokenizer.added_tokens', 'is not a list.');
  return list.map((entry, index) => {
    const { id, content } = isJsonObject(entry) ? entry : {};
    if (!isJsonObject(entry) || typeof id !== 'number' || typeof content !== 'string') {
      throw invalidInput(`tokenizer.added_tokens[${index}]`, 'has no id and content.');
    }
    return {
      id,
      text: content,
      special: entry['special'] === true,
      stripsBefore: entry['lstrip'] === true,
      stripsAfter: entry['rstrip'] === true,
      entry,
    };
  });
}

/** Added tokens are control tokens, but for those that only spell common text, such as line breaks. */
function isControl({ text, special }: AddedToken, template: string): boolean {
  if (text.trim() === '') return false;
  return special || template.includes(text) || /^<?[|\uff5c].*[|\uff5c]>?$/u.test(text);
}

/**
 * Stands before a text that continues another one, and has no id of the vocabulary. Half a surrogate
 * pair: a well-formed text never holds it.
 */
const GUARD = { text: '\udfff', id: -1 };

function construct(json: JsonObject, config: JsonObject, plain: readonly AddedToken[]): Tokenizer {
  const guard = { id: GUARD.id, content: GUARD.text, special: true, normalized: false };
  try {
    return new Tokenizer(
      {
        ...json,
        pre_tokenizer: exactPreTokenizer(json['pre_tokenizer']),
        added_tokens: [...plain.map(({ entry }) => entry), guard],
      },
      config,
    );
  } catch (cause) {
    throw invalidInput('tokenizer', `can't be read: ${errorMessage(cause)}.`, {
      cause,
      remedy: 'Give the parsed tokenizer.json of the model.',
    });
  }
}

/** Ids of a well-formed text; control tokens are unknown to `inner`. */
function rawIds(inner: Tokenizer, text: string, continues: boolean): Int32Array {
  const guarded = continues ? GUARD.text + text : text;
  const { ids } = inner.encode(guarded, { add_special_tokens: false });
  return Int32Array.from(continues ? ids.slice(1) : ids);
}

/** The text in pieces that none of the spelled control tokens is whole in. */
function apart(text: string, pattern: RegExp | undefined): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of pattern === undefined ? [] : allMatches(pattern, text)) {
    const cut = match.index + Math.max(1, match[0].length >> 1);
    pieces.push(text.slice(from, cut));
    from = cut;
  }
  return [...pieces, text.slice(from)];
}

function encodeWithControl(
  text: string,
  {
    pattern,
    byText,
    encodeText,
  }: {
    readonly pattern: RegExp;
    readonly byText: ReadonlyMap<string, ControlToken>;
    readonly encodeText: ModelTokenizer['encodeText'];
  },
): Int32Array {
  const runs: Int32Array[] = [];
  let from = 0;
  let strips = false;
  const push = (end: number, stripEnd: boolean): void => {
    const whole = text.slice(from, end);
    const left = strips ? whole.trimStart() : whole;
    runs.push(encodeText(stripEnd ? left.trimEnd() : left, { continues: from > 0 }));
  };
  for (const match of allMatches(pattern, text)) {
    const token = byText.get(match[0])!;
    push(match.index, token.stripsBefore);
    runs.push(Int32Array.of(token.id));
    from = match.index + match[0].length;
    strips = token.stripsAfter;
  }
  push(text.length, false);
  return concatIds(runs);
}

function decodeIds(
  ids: readonly number[],
  { inner, byId }: { readonly inner: Tokenizer; readonly byId: ReadonlyMap<number, ControlToken> },
): string {
  const parts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length === 0) return;
    const options = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
    parts.push(inner.decode(run, options));
    run = [];
  };
  for (const id of ids) {
    const control = byId.get(id);
    if (control === undefined && inner.id_to_token(id) !== undefined) {
      run.push(id);
      continue;
    }
    flush();
    // Models have more ids than their vocabularies have pieces.
    parts.push(control?.text ?? '\ufffd');
  }
  flush();
  return parts.join('');
}

function bytesOf(
  id: number,
  {
    inner,
    byId,
    spelling,
  }: {
    readonly inner: Tokenizer;
    readonly byId: ReadonlyMap<number, ControlToken>;
    readonly spelling: PieceSpelling;
  },
): Uint8Array | undefined {
  const control = byId.get(id);
  if (control !== undefined) return new TextEncoder().encode(control.text);
  const piece = inner.id_to_token(id);
  return piece === undefined ? undefined : pieceBytes(piece, spelling);
}

function namedTokens(config: JsonObject): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith('_token')) continue;
    const text = isJsonObject(value) ? value['content'] : value;
    if (typeof text === 'string') named[key.slice(0, -'_token'.length)] = text;
  }
  return named;
}
