import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import type { ToolDefinition } from '../../../src/messages.ts';
import { readModelRenderer } from '../../../src/models/index.ts';
import { readGgufMetadata } from '../../../src/models/rendering/gguf-metadata.ts';
import { byteRenderer, byteTokenizer, user } from './byte-model.ts';
import { ggufBytes, ggufEntries, text, u32, u64, type Value } from './gguf-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(bytes: Uint8Array, name = `${files++}.gguf`): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const control = ['<|user|>', '<|assistant|>', '<|end|>', '<|stop|>'];
const [END, STOP] = [263, 264];
const template =
  "{% for m in messages %}{{ ('<|assistant|>' if m.role == 'assistant' else '<|user|>') + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
const entries = (more: Readonly<Record<string, Value>> = {}): [string, Value][] =>
  ggufEntries(byteTokenizer(control), {
    pre: 'gpt-2',
    'tokenizer.ggml.eos_token_id': END,
    'tokenizer.ggml.eot_token_id': STOP,
    'tokenizer.chat_template': template,
    ...more,
  });
const without = (key: string): [string, Value][] => entries().filter(([name]) => name !== key);
const read = (file: string) => readGgufMetadata(file, { wants: () => true });

async function failure(work: Promise<unknown>): Promise<LachesisError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(LachesisError);
  return thrown as LachesisError;
}

describe('a model’s renderer from a GGUF file', () => {
  test.each([2, 3])(
    'version %i: ids and verdicts are those of its tokenizer.json',
    async (version) => {
      const renderer = await readModelRenderer(fileOf(ggufBytes(entries(), { version })));
      const folderOne = byteRenderer(template, control, { eos: '<|end|>', stopTokenIds: [STOP] });
      const messages = [user("hello it's 3,000 <|end|>\n\n")];
      const ids = (one: typeof renderer) =>
        one.render(messages, []).flatMap(({ tokenIds }) => [...tokenIds]);
      expect(ids(renderer)).toEqual(ids(folderOne.renderer));
      expect(renderer.certification).toEqual(folderOne.renderer.certification);
      expect(renderer.stopTokenIds).toEqual(folderOne.renderer.stopTokenIds);
      expect(renderer.vocabularySize).toBe(265);
    },
  );

  test('a template that is given comes before the file’s, and the one for tools where there are tools', async () => {
    const forTools = template.replaceAll('m.content', "m.content + '!'");
    const file = fileOf(ggufBytes(entries({ 'tokenizer.chat_template.tool_use': forTools })));
    const text = async (tools: readonly ToolDefinition[], given = {}) => {
      const renderer = await readModelRenderer(file, given);
      const pieces = renderer.render([user('x')], tools);
      return pieces.map(({ tokenIds }) => renderer.decode(tokenIds)).join('');
    };
    const tools = [{ name: 'f', description: 'd', parameters: {} }];
    const plain = '<|user|>x<|end|><|assistant|>';
    expect(await text([])).toBe(plain);
    expect(await text(tools)).toBe(plain.replace('x', 'x!'));
    expect(await text(tools, { template })).toBe(plain);
  });

  test('tokens that only pad the vocabulary count, and are never made of a text', async () => {
    const tokens = [
      ...(entries().find(([key]) => key.endsWith('tokens'))![1] as string[]),
      ...['[PAD]', '', ''],
    ];
    const types = tokens.map((token, id) => (control.includes(token) ? 3 : id >= 265 ? 5 : 1));
    const file = fileOf(
      ggufBytes([
        ...without('tokenizer.ggml.tokens').filter(([key]) => !key.endsWith('token_type')),
        ['tokenizer.ggml.tokens', tokens],
        ['tokenizer.ggml.token_type', types],
      ]),
    );
    const renderer = await readModelRenderer(file);
    expect(renderer.vocabularySize).toBe(268);
    const said = user('[PAD] [EMPTY_266]');
    const ids = renderer.render([said], []).flatMap(({ tokenIds }) => [...tokenIds]);
    expect(Math.max(...ids)).toBeLessThan(265);
  });

  test.each([
    [
      'a SentencePiece vocabulary',
      { 'tokenizer.ggml.model': 'llama' },
      '"llama"',
      'GGUF_TOKENIZER_UNKNOWN',
    ],
    [
      'an unknown pre-tokenizer',
      { 'tokenizer.ggml.pre': 'mine' },
      'qwen2',
      'GGUF_TOKENIZER_UNKNOWN',
    ],
    ['no pair in a merge', { 'tokenizer.ggml.merges': ['ab'] }, '"ab"', 'GGUF_INVALID'],
    ['fewer types than tokens', { 'tokenizer.ggml.token_type': [1, 1] }, '2 types', 'GGUF_INVALID'],
    ['tokens that are numbers', { 'tokenizer.ggml.tokens': [1, 1] }, 'ggml.tokens', 'GGUF_INVALID'],
    [
      'one token twice',
      { 'tokenizer.ggml.tokens': Array(265).fill('a') },
      'two ids',
      'GGUF_INVALID',
    ],
  ])('%s is a typed error that names the file', async (_, values, says, reason) => {
    const kept = entries().filter(([key]) => !Object.hasOwn(values, key));
    const file = fileOf(ggufBytes([...kept, ...Object.entries<Value>(values)]));
    const error = await failure(readModelRenderer(file));
    expect(error).toMatchObject({ kind: 'invalid_input', reason, field: file });
    expect(error.message).toContain(says);
    if (reason === 'GGUF_TOKENIZER_UNKNOWN') expect(error.remedy).toContain('tokenizer.json');
  });

  test.each(['model', 'pre', 'tokens', 'token_type', 'merges'])(
    'a file without tokenizer.ggml.%s, such as the second of a split one, says so',
    async (name) => {
      const file = fileOf(ggufBytes(without(`tokenizer.ggml.${name}`)));
      const error = await failure(readModelRenderer(file));
      expect(error).toMatchObject({ reason: 'NO_TOKENIZER', field: file });
      expect(error.message).toContain(`tokenizer.ggml.${name}`);
    },
  );

  test('a file without a template says so', async () => {
    const file = fileOf(ggufBytes(without('tokenizer.chat_template')));
    expect(await failure(readModelRenderer(file))).toMatchObject({ reason: 'NO_TEMPLATE' });
    await expect(readModelRenderer(file, { template })).resolves.toBeDefined();
  });
});

describe('the head of a GGUF file', () => {
  test('has values of every type, and others are passed over', async () => {
    const bytes = (type: number, write: (buffer: Buffer) => void, size: number): Value => {
      const buffer = Buffer.alloc(size);
      write(buffer);
      return { type, bytes: buffer };
    };
    const file = fileOf(
      ggufBytes([
        ['u8', bytes(0, (b) => b.writeUInt8(200), 1)],
        ['i8', bytes(1, (b) => b.writeInt8(-3), 1)],
        ['u16', bytes(2, (b) => b.writeUInt16LE(60_000), 2)],
        ['i16', bytes(3, (b) => b.writeInt16LE(-300), 2)],
        ['skipped', [1, 2, 3]],
        ['skipped too', ['x', 'y']],
        ['u32', 4_000_000_000],
        ['i32', bytes(5, (b) => b.writeInt32LE(-70_000), 4)],
        ['f32', bytes(6, (b) => b.writeFloatLE(0.5), 4)],
        ['bool', true],
        ['u64', bytes(10, (b) => b.writeBigUInt64LE(2n ** 64n - 1n), 8)],
        ['i64', bytes(11, (b) => b.writeBigInt64LE(-5n), 8)],
        ['f64', bytes(12, (b) => b.writeDoubleLE(0.1), 8)],
        ['text', 'née'],
        ['list', ['a', '']],
        ['numbers', [1, 2]],
      ]),
    );
    const found = await readGgufMetadata(file, { wants: (key) => !key.startsWith('skipped') });
    expect(Object.fromEntries(found)).toEqual({
      u8: 200,
      i8: -3,
      u16: 60_000,
      i16: -300,
      u32: 4_000_000_000,
      i32: -70_000,
      f32: 0.5,
      bool: true,
      u64: 2n ** 64n - 1n,
      i64: -5,
      f64: 0.1,
      text: 'née',
      list: ['a', ''],
      numbers: [1, 2],
    });
  });

  test('is read in pieces, whatever lies across two of them', async () => {
    const words = Array.from({ length: 60_000 }, (_, at) => `word ${at} ${'é'.repeat(at % 40)}`);
    const long = 'x'.repeat(3 << 20);
    const file = fileOf(
      ggufBytes([
        ['passed over', words],
        ['numbers', words.map((_, at) => at)],
        ['words', words],
        ['long', long],
        ['last', 7],
      ]),
    );
    const found = await readGgufMetadata(file, { wants: (key) => key !== 'passed over' });
    expect(found.get('words')).toEqual(words);
    expect(found.get('numbers')).toHaveLength(words.length);
    expect(found.get('long')).toBe(long);
    expect(found.get('last')).toBe(7);
  });

  const absurd = 2n ** 62n;
  const list = (type: number, length: number | bigint): Value => ({
    type: 9,
    bytes: Buffer.concat([u32(type), u64(length)]),
  });
  test.each<readonly [string, Buffer, string]>([
    ['is empty', Buffer.alloc(0), '24 bytes'],
    ['is no GGUF', Buffer.from('{"model": {}, "added_tokens": []}'), 'no GGUF'],
    ['is of version 1', ggufBytes([], { version: 1 }), 'version 1'],
    ['is big endian', ggufBytes([], { version: 0x0300_0000 }), 'big endian'],
    ['has a billion keys', ggufBytes([], { keys: 1_000_000_000 }), '1000000000 keys'],
    ['has more keys than it holds', ggufBytes([['a', 1]], { keys: 9 }), '18446744073709551615'],
    ['has an absurd text', ggufBytes([['a', { type: 8, bytes: u64(absurd) }]]), `${absurd}`],
    [
      'has a text of a gigabyte',
      ggufBytes([['a', { type: 8, bytes: u64(1 << 30) }]]),
      '1073741824',
    ],
    ['has a text past its end', ggufBytes([['a', { type: 8, bytes: u64(9_000) }]]), '9000 bytes'],
    ['has an absurd list of texts', ggufBytes([['a', list(8, absurd)]]), `${absurd}`],
    ['has a list of four billion texts', ggufBytes([['a', list(8, 2 ** 32)]]), 'bytes follow'],
    ['has a list of four billion numbers', ggufBytes([['a', list(4, 2 ** 32)]]), 'bytes follow'],
    ['has a list of lists', ggufBytes([['a', list(9, 1)]]), 'list of unknown type 9'],
    ['has a value of no type', ggufBytes([['a', { type: 13, bytes: u32(0) }]]), 'unknown type 13'],
    [
      'has a text that is no UTF-8',
      ggufBytes([['a', { type: 8, bytes: Buffer.concat([u64(2), Buffer.from([0xc3, 0x28])]) }]]),
      'no UTF-8',
    ],
  ])('a file that %s is a typed error that names it', async (_, bytes, says) => {
    const file = fileOf(bytes);
    for (const wants of [() => true, () => false]) {
      const error = await failure(readGgufMetadata(file, { wants }));
      expect(error).toMatchObject({ kind: 'invalid_input', reason: 'GGUF_INVALID', field: file });
      expect(error.message).toContain(says);
    }
  });

  test('a list too long to be kept is an error though the file has the bytes', async () => {
    const count = 4_000_001;
    const file = fileOf(
      Buffer.concat([ggufBytes([['a', list(0, count)]]).subarray(0, -64), Buffer.alloc(count)]),
    );
    expect(await failure(read(file))).toMatchObject({ reason: 'GGUF_INVALID' });
    await expect(readGgufMetadata(file, { wants: () => false })).resolves.toEqual(new Map());
  });

  test('a file of gigabytes costs what its head costs, and metadata beyond the bound are refused', async () => {
    const whole = fileOf(ggufBytes(entries()));
    truncateSync(whole, 2 ** 30);
    await expect(readModelRenderer(whole)).resolves.toBeDefined();
    const endless = fileOf(
      ggufBytes([['a', { type: 9, bytes: Buffer.concat([u32(0), u64(2 ** 29), text('')]) }]]),
    );
    truncateSync(endless, 2 ** 30);
    const error = await failure(readGgufMetadata(endless, { wants: () => false }));
    expect(error.message).toContain('268435456 bytes that are read');
  });

  test('a file that is not there, and a signal that has fired, are told as such', async () => {
    const error = await failure(read(path.join(folder, 'none.gguf')));
    expect(error).toMatchObject({ kind: 'not_found', reason: 'MODEL_FILE_UNREADABLE' });
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(readModelRenderer(fileOf(ggufBytes(entries())), { signal })).rejects.toBe(reason);
  });
});
