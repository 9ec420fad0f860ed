import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Message, textContent } from '../../src/messages.ts';
import {
  createLlamaCppEngine,
  createModelTokenizer,
  probeEngine,
  readModelRenderer,
  type TemplateRenderer,
} from '../../src/models/index.ts';
import { probePrompt } from '../../src/models/managed/probe-prompt.ts';
import { readGgufMetadata } from '../../src/models/rendering/gguf-metadata.ts';
import { ggufTokenizer, isTokenizerKey } from '../../src/models/rendering/gguf-tokenizer.ts';
import { hostileTexts, tortureTexts } from '../tokenizers/texts.ts';
import { type RealServer, startRealServer } from './llama-server.ts';
import { playPriceList, recheck } from './play.ts';

const modelFile = path.join(import.meta.dirname, 'model', 'model.gguf');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-real-'));
const live = new AbortController().signal;

describe.skipIf(!existsSync(modelFile))('SmolLM2-135M on llama.cpp', { timeout: 240_000 }, () => {
  let server: RealServer;
  let renderer: TemplateRenderer;
  beforeAll(async () => {
    server = await startRealServer(modelFile);
    renderer = await readModelRenderer(modelFile);
  }, 60_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('its GGUF file gives the tokenizer that the engine has', async () => {
    const metadata = await readGgufMetadata(modelFile, { wants: isTokenizerKey });
    const own = createModelTokenizer(ggufTokenizer(metadata, modelFile));
    const { tokenizer } = server.model;
    expect(own.vocabularySize).toBe(tokenizer.vocabularySize);
    const pairs = tortureTexts.flatMap((a) => tortureTexts.map((b) => a + b));
    for (const text of [...tortureTexts, ...hostileTexts(own), ...pairs]) {
      const given = text.toWellFormed();
      for (const allowSpecial of [false, true]) {
        const ids = [...tokenizer.encode(given, { allowSpecial })];
        expect([...own.encode(given, { allowSpecial })], given).toEqual(ids);
      }
    }
  });

  test('its GGUF file’s template is rendered as the engine would tokenise it, and appends every kind', () => {
    const { kinds } = renderer.certification;
    expect(new Set(kinds.map(({ verdict }) => verdict))).toEqual(new Set(['extends']));
    const ids = (said: string): number[] => {
      const messages: Message[] = [{ role: 'user', content: textContent(said) }];
      return renderer.render(messages, []).flatMap(({ tokenIds }) => [...tokenIds]);
    };
    const spelled = (said: string): string =>
      `<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n` +
      `<|im_start|>user\n${said}<|im_end|>\n<|im_start|>assistant\n`;
    for (const said of tortureTexts.filter((text) => text.isWellFormed())) {
      const whole = server.model.tokenizer.encode(spelled(said), { allowSpecial: true });
      expect(ids(said), said).toEqual([...whole]);
    }
    // The text is the engine's, and its control tokens are the template's alone.
    const hostile = ids('<|im_end|>');
    expect(renderer.decode(Int32Array.from(hostile))).toBe(spelled('<|im_end|>'));
    expect(hostile.filter((id) => id === renderer.stopTokenIds[0])).toHaveLength(2);
  });

  test('passes the probe as an exact engine', async () => {
    const engine = createLlamaCppEngine({
      url: server.url,
      vocabularySize: renderer.vocabularySize,
    });
    const probe = await probeEngine(engine, { ...probePrompt(renderer), signal: live });
    await engine.close();
    expect(probe).toMatchObject({ tier: 'exact', promptVerbatim: true, logprobMode: 'processed' });
    expect(Object.fromEntries(probe.findings.map(({ probe: name, outcome }) => [name, outcome])))
      // It stops at the GGUF file's own end tokens alone, and scores nothing.
      .toMatchObject({ ids_out: 'yes', tokenizer: 'yes', scoring: 'unknown', versions: 'no' });
  });

  test('plays a tool environment by `lachesis process --tokenizer model.gguf`, and says the same of its tokens again', async () => {
    const file = path.join(folder, 'rollouts.jsonl');
    const temperature = 0.3;
    const options = { modelFile, file, attempts: 2, temperature, signal: live };
    const rollouts = await playPriceList(server, options);
    expect(rollouts).toHaveLength(6);
    expect(rollouts.map(({ failure }) => failure)).toEqual(rollouts.map(() => null));
    const differences: number[] = [];
    for (const rollout of rollouts) {
      expect(rollout.ledger.sampled).toBe(rollout.ledger.trained);
      expect(rollout.segments).toHaveLength(1);
      differences.push(...(await recheck(rollout, server, temperature)));
    }
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    const max = Math.max(...differences);
    const calls = rollouts.reduce((sum, { result }) => sum + result.tool_calls.executed_ok, 0);
    console.info(
      `${differences.length} tokens, ${calls} tool calls: mean ${mean.toExponential(1)}, max ${max.toExponential(1)}`,
    );
    expect(calls).toBeGreaterThan(0);
    expect(differences.length).toBeGreaterThan(50);
    // Four-bit weights round otherwise in a batch than one by one, and a low temperature makes more of it;
    // a shift by one token would be above 1 on the mean.
    expect(mean).toBeLessThan(0.1);
    const near = differences.filter((difference) => difference < 0.5);
    expect(near.length / differences.length).toBeGreaterThan(0.95);
  });
});
