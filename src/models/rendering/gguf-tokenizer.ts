import { invalidInput, type LachesisError } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { GGUF_PRE_TOKENIZERS } from './gguf-pre-tokenizers.ts';

/** What a GGUF file says of its model's texts, in the shape of the model's own files. */
export interface GgufTokenizer {
  /** As a tokenizer.json. */
  readonly tokenizer: JsonObject;
  /** As a tokenizer_config.json: the chat template, if there is one, and the named tokens. */
  readonly config: JsonObject;
  readonly stopTokenIds: readonly number[];
}

/** Whether a key of the metadata is looked at. */
export function isTokenizerKey(key: string): boolean {
  return WANTED.has(key) || key.startsWith(TEMPLATE) || key.endsWith('_token_id');
}

/**
 * The tokenizer of a byte-level vocabulary (`tokenizer.ggml.model` = `gpt2`). It normalises nothing, as
 * llama.cpp doesn't.
 * @throws invalid_input where the file has none that comes out exact, naming the file.
 */
export function ggufTokenizer(metadata: GgufMetadata, file: string): GgufTokenizer {
  const read = fieldsOf(metadata, file);
  const model = read.text('tokenizer.ggml.model');
  if (model !== 'gpt2') {
    throw unsupported(file, `its tokenizer is of kind ${quoted(model)}, and "gpt2" can be read`);
  }
  const name = read.text('tokenizer.ggml.pre');
  const pre = GGUF_PRE_TOKENIZERS.get(name);
  if (pre === undefined) {
    const known = [...GGUF_PRE_TOKENIZERS.keys()].join(', ');
    throw unsupported(file, `its pre-tokenizer is ${quoted(name)}, and known are ${known}`);
  }
  const tokens = read
    .list('tokenizer.ggml.tokens', 'string')
    // As llama.cpp names those without a text.
    .map((token, id) => (token === '' ? `[EMPTY_${id}]` : token));
  const types = read.list('tokenizer.ggml.token_type', 'number');
  if (types.length !== tokens.length) {
    throw malformed(file, `has ${tokens.length} tokens and ${types.length} types of them`);
  }
  if (new Set(tokens).size !== tokens.length) throw malformed(file, 'has two ids for one token');

  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    if (!ADDED.includes(type as number)) return [];
    const special = type !== TYPE.userDefined;
    return [{ id, content, special, normalized: false, lstrip: false, rstrip: false }];
  });
  const outside = new Set(added.map(({ id }) => id));
  const vocab = tokens.flatMap((piece, id) => (outside.has(id) ? [] : [[piece, id] as const]));
  const merges = read.list('tokenizer.ggml.merges', 'string').map((merge) => {
    const at = merge.indexOf(' ', 1);
    if (at < 0) throw malformed(file, `has the merge ${quoted(merge)}, which is no pair`);
    return [merge.slice(0, at), merge.slice(at + 1)];
  });
  const idOf = (key: string): number | undefined => {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`);
    return typeof id === 'number' && id >= 0 && id < tokens.length ? id : undefined;
  };
  const named = ['bos', 'eos', 'unknown', 'padding'].flatMap((key) => {
    const id = idOf(key);
    return id === undefined ? [] : [[`${NAMES[key] ?? key}_token`, tokens[id]!] as const];
  });
  return {
    tokenizer: {
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          ...pre.patterns.map((Regex) => ({
            type: 'Split',
            pattern: { Regex },
            behavior: 'Isolated',
            invert: false,
          })),
          { type: 'ByteLevel', add_prefix_space: false, use_regex: false, trim_offsets: false },
        ],
      },
      post_processor: null,
      decoder: {
        type: 'ByteLevel',
        add_prefix_space: false,
        use_regex: false,
        trim_offsets: false,
      },
      model: {
        type: 'BPE',
        ignore_merges: pre.ignoresMerges,
        byte_fallback: false,
        fuse_unk: false,
        vocab: Object.fromEntries(vocab),
        merges,
      },
    },
    config: { ...Object.fromEntries(named), ...templates(metadata) },
    stopTokenIds: ['eos', 'eot', 'eom'].flatMap((key) => idOf(key) ?? []),
  };
}

const TEMPLATE = 'tokenizer.chat_template';
const WANTED: ReadonlySet<string> = new Set(
  ['model', 'pre', 'tokens', 'token_type', 'merges'].map((key) => `tokenizer.ggml.${key}`),
);
/** Names in the metadata where they are others than in a tokenizer_config.json. */
const NAMES: Readonly<Record<string, string>> = { unknown: 'unk', padding: 'pad' };

/** `llama_token_type` of include/llama.h. */
const TYPE = { unknown: 2, control: 3, userDefined: 4 } as const;
const ADDED: readonly number[] = Object.values(TYPE);

/** The templates as a tokenizer_config.json lists them: one, or several by name. */
function templates(metadata: GgufMetadata): JsonObject {
  const all = [...metadata].flatMap(([key, template]) => {
    if (typeof template !== 'string' || !key.startsWith(TEMPLATE)) return [];
    const name = key.slice(TEMPLATE.length);
    if (name === '') return [{ name: 'default', template }];
    return name.startsWith('.') ? [{ name: name.slice(1), template }] : [];
  });
  return all.length === 0 ? {} : { chat_template: all };
}

function fieldsOf(metadata: GgufMetadata, file: string) {
  const get = (key: string) => {
    const value = metadata.get(key);
    if (value !== undefined) return value;
    throw invalidInput(file, `has no ${key}.`, {
      reason: 'NO_TOKENIZER',
      remedy:
        'Give the model’s GGUF file, the first one where it is split, or a folder with its tokenizer.json.',
    });
  };
  return {
    text(key: string): string {
      const value = get(key);
      if (typeof value === 'string') return value;
      throw malformed(file, `has a ${key} that is no text`);
    },
    list<Kind extends 'string' | 'number'>(
      key: string,
      kind: Kind,
    ): readonly (Kind extends 'string' ? string : number)[] {
      const value = get(key);
      if (Array.isArray(value) && value.every((item) => typeof item === kind)) return value;
      throw malformed(file, `has a ${key} that is no list of ${kind}s`);
    },
  };
}

function malformed(file: string, what: string): LachesisError {
  return invalidInput(file, `${what}.`, {
    reason: 'GGUF_INVALID',
    remedy: 'Give a whole GGUF file of version 2 or 3.',
  });
}

function unsupported(file: string, what: string): LachesisError {
  return invalidInput(file, `can't be tokenised for: ${what}.`, {
    reason: 'GGUF_TOKENIZER_UNKNOWN',
    remedy: 'Give the folder of the model’s own files, with its tokenizer.json.',
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
