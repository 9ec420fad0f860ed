import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createModelTokenizer, type ModelTokenizer } from '../../src/models/index.ts';
import { readGgufMetadata } from '../../src/models/rendering/gguf-metadata.ts';
import { ggufTokenizer, isTokenizerKey } from '../../src/models/rendering/gguf-tokenizer.ts';
import { ggufBytes, ggufEntries } from '../models/rendering/gguf-file.ts';
import { type Family, installed, loadModel, tokenizerJson } from './models.ts';
import { hostileTexts, tortureTexts } from './texts.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The `pre` that llama.cpp's converter writes for a family, and whether its tokenizer.json normalises. */
const families: readonly (readonly [family: Family, pre: string, normalises: boolean])[] = [
  ['qwen2_5', 'qwen2', true],
  ['llama3_2', 'llama-bpe', false],
  ['deepseek_v3', 'deepseek-v3', false],
];

const controlOf = ({ controlTokens }: ModelTokenizer) =>
  new Map(controlTokens.map(({ id, text }) => [id, text]));

describe.skipIf(!installed)('a GGUF file with a real vocabulary', () => {
  test.each(families)(
    '%s: its ids are those of the tokenizer.json',
    async (family, pre, normalises) => {
      const { tokenizer, template } = loadModel(family);
      const file = path.join(folder, `${family}.gguf`);
      const entries = ggufEntries(tokenizerJson(family), {
        pre,
        'tokenizer.chat_template': template,
      });
      writeFileSync(file, ggufBytes(entries));
      const metadata = await readGgufMetadata(file, { wants: isTokenizerKey });
      const own = createModelTokenizer({ ...ggufTokenizer(metadata, file), template });
      expect(own.vocabularySize).toBe(tokenizer.vocabularySize);
      expect(controlOf(own)).toEqual(controlOf(tokenizer));
      const pairs = tortureTexts.flatMap((a) => tortureTexts.map((b) => a + b));
      for (const text of [...tortureTexts, ...hostileTexts(tokenizer), ...pairs]) {
        // A GGUF file says nothing of normal forms, and llama.cpp has none.
        const given = normalises ? text.toWellFormed().normalize('NFC') : text;
        for (const allowSpecial of [false, true]) {
          const ids = own.encode(given, { allowSpecial });
          expect(ids, given).toEqual(tokenizer.encode(text, { allowSpecial }));
        }
      }
    },
  );
});
