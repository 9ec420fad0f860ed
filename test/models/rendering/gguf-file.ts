import type { JsonObject } from '../../../src/messages.ts';

/** A value as this writer picks its type: texts, u32, bool, lists of texts and of i32; or as given. */
export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | { readonly type: number; readonly bytes: Uint8Array };

export interface GgufParts {
  readonly version?: number;
  readonly keys?: number;
  readonly tensors?: number;
}

/** The head of a GGUF file, little endian, and some bytes of tensors that nobody should read. */
export function ggufBytes(
  entries: readonly (readonly [key: string, value: Value])[],
  { version = 3, keys = entries.length, tensors = 1 }: GgufParts = {},
): Buffer {
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensors),
    u64(keys),
    ...entries.flatMap(([key, value]) => [text(key), ...typed(value)]),
    Buffer.alloc(tensors === 0 ? 0 : 64, 0xff),
  ]);
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};

function typed(value: Value): Buffer[] {
  if (typeof value === 'string') return [u32(8), text(value)];
  if (typeof value === 'number') return [u32(4), u32(value)];
  if (typeof value === 'boolean') return [u32(7), Buffer.from([value ? 1 : 0])];
  if ('bytes' in value) return [u32(value.type), Buffer.from(value.bytes)];
  const items = value.map((item) => (typeof item === 'string' ? text(item) : u32(item)));
  return [u32(9), u32(typeof value[0] === 'number' ? 5 : 8), u64(value.length), ...items];
}

const CONTROL = 3;
const USER_DEFINED = 4;

/** A byte-level tokenizer.json as a converter of llama.cpp writes it into a GGUF file. */
export function ggufEntries(
  tokenizer: JsonObject,
  { pre, ...more }: { readonly pre: string } & Readonly<Record<string, Value>>,
): [string, Value][] {
  const { vocab, merges } = tokenizer['model'] as unknown as {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly string[])[];
  };
  const added = tokenizer['added_tokens'] as unknown as readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
  }[];
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [piece, id] of Object.entries(vocab)) tokens[id] = piece;
  for (const { id, content, special } of added) {
    tokens[id] = content;
    types[id] = special ? CONTROL : USER_DEFINED;
  }
  return [
    ['general.architecture', 'llama'],
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', pre],
    ['tokenizer.ggml.tokens', Array.from(tokens, (token, id) => token ?? `[PAD${id}]`)],
    ['tokenizer.ggml.token_type', Array.from(tokens, (_, id) => types[id] ?? 1)],
    ['tokenizer.ggml.scores', { type: 9, bytes: Buffer.concat([u32(6), u64(2), Buffer.alloc(8)]) }],
    [
      'tokenizer.ggml.merges',
      merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    ],
    ...Object.entries(more),
  ];
}
