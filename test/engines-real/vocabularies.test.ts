import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createModelTokenizer } from '../../src/models/index.ts';
import { readGgufMetadata } from '../../src/models/rendering/gguf-metadata.ts';
import { ggufTokenizer, isTokenizerKey } from '../../src/models/rendering/gguf-tokenizer.ts';
import { ggufBytes, ggufEntries, type Value } from '../models/rendering/gguf-file.ts';
import { type Family, installed, tokenizerJson } from '../tokenizers/models.ts';
import { tortureTexts } from '../tokenizers/texts.ts';
import { encodeByVocabulary } from './llama.ts';

const engine = path.join(import.meta.dirname, 'node_modules', 'node-llama-cpp');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-vocabularies-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What llama.cpp wants to know of a model besides its vocabulary. */
const SHAPE: readonly [string, Value][] = [
  ...Object.entries({
    context_length: 128,
    embedding_length: 8,
    block_count: 1,
    feed_forward_length: 8,
    'attention.head_count': 1,
    'rope.dimension_count': 8,
  }).map(([key, value]): [string, Value] => [`llama.${key}`, value]),
  [
    'llama.attention.layer_norm_rms_epsilon',
    { type: 6, bytes: new Uint8Array(Float32Array.of(1e-5).buffer) },
  ],
];

/** A name of each group of pre-tokenizers, with a real vocabulary; SmolLM2's own is in engine.test.ts. */
const cases: readonly (readonly [pre: string, family: Family])[] = [
  ['qwen2', 'qwen2_5'],
  ['qwen35', 'qwen2_5'],
  ['gpt-2', 'qwen2_5'],
  ['llama-bpe', 'llama3_2'],
  ['glm4', 'llama3_2'],
  ['deepseek-v3', 'deepseek_v3'],
];

// tekken and gpt-4o are left out: llama.cpp has other words for them than the models' own tokenizers.
describe.skipIf(!installed || !existsSync(engine))(
  'a GGUF file’s words',
  { timeout: 60_000 },
  () => {
    test.each(cases)('%s: those of llama.cpp, in the vocabulary of %s', async (pre, family) => {
      const file = path.join(folder, `${pre}.gguf`);
      const own = ggufEntries(tokenizerJson(family), { pre }).filter(
        ([key]) => !/scores$/.test(key),
      );
      writeFileSync(file, ggufBytes([...own, ...SHAPE], { tensors: 0 }));
      const metadata = await readGgufMetadata(file, { wants: isTokenizerKey });
      const tokenizer = createModelTokenizer(ggufTokenizer(metadata, file));
      const pairs = tortureTexts.flatMap((a) => tortureTexts.map((b) => a + b));
      const more = ["HelloWorld ÉCOLE école DON'T don’T we'Ll", 'foo/\n\n  bar\t\n1234567 ١٢٣٤ ½'];
      const texts = [...tortureTexts, ...pairs, ...more].map((text) => text.toWellFormed());
      const expected = await encodeByVocabulary(file, texts);
      for (const [at, text] of texts.entries()) {
        expect([...tokenizer.encode(text)], text).toEqual(expected[at]);
      }
    });
  },
);
