import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playPlan } from '../../src/cli/process/plan.ts';
import { playIntoFile } from '../../src/cli/process/play-into-file.ts';
import {
  type ChatRenderer,
  createChatmlRenderer,
  createLlamaCppEngine,
  probeEngine,
} from '../../src/models/index.ts';
import { probePrompt } from '../../src/models/managed/probe-prompt.ts';
import { type RealServer, startRealServer } from './llama-server.ts';

const modelFile = path.join(import.meta.dirname, 'model', 'model.gguf');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-real-'));
const live = new AbortController().signal;

describe.skipIf(!existsSync(modelFile))('SmolLM2-135M on llama.cpp', { timeout: 120_000 }, () => {
  let server: RealServer;
  let renderer: ChatRenderer;
  beforeAll(async () => {
    server = await startRealServer(modelFile);
    renderer = createChatmlRenderer({ tokenizer: server.model.tokenizer });
  }, 60_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
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

  test('plays a tool environment by `lachesis process`, and says the same of its tokens again', async () => {
    const file = path.join(folder, 'rollouts.jsonl');
    const values = {
      engine: 'llama-cpp',
      'engine-url': [server.url],
      tokenizer: 'in the GGUF file',
      'tool-parser': 'hermes',
      attempts: '2',
      concurrency: '1',
      temperature: '0.3',
    };
    const environment = path.resolve(import.meta.dirname, '../support/engines/price-list.ts');
    const played = await playIntoFile(
      {
        plan: playPlan([environment], values),
        values,
        file,
        model: { readRenderer: async () => renderer },
      },
      { out: () => {}, err: () => {}, terminal: false, columns: 80, environment: {}, signal: live },
    );
    expect(played.total).toBe(6);
    const rollouts: Rollout[] = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rollouts).toHaveLength(6);
    expect(rollouts.map(({ failure }) => failure)).toEqual(rollouts.map(() => null));
    const differences: number[] = [];
    for (const { segments, ledger } of rollouts) {
      expect(ledger.sampled).toBe(ledger.trained);
      for (const segment of segments) {
        differences.push(...(await recheck(segment, server, Number(values.temperature))));
      }
    }
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    const max = Math.max(...differences);
    const calls = rollouts.reduce((sum, { result }) => sum + result.tool_calls.executed_ok, 0);
    console.info(
      `${differences.length} tokens, ${calls} tool calls: mean ${mean.toExponential(1)}, max ${max.toExponential(1)}`,
    );
    expect(calls).toBeGreaterThan(0);
    expect(differences.length).toBeGreaterThan(50);
    // Four-bit weights round otherwise in a batch than one by one; a shift by one token would be above 1.
    expect(mean).toBeLessThan(0.1);
    expect(max).toBeLessThan(2);
  });
});

/** How far each sampled logprob of a segment is from what the model says of it now. */
async function recheck(
  { token_ids, logprobs, spans }: Rollout['segments'][number],
  { model }: RealServer,
  temperature: number,
): Promise<number[]> {
  const positions = new Set<number>();
  let at = 0;
  for (const { length, origin } of spans) {
    for (let i = at; origin === 'sampled' && i < at + length; i++) positions.add(i);
    at += length;
  }
  const scored = await model.score(Int32Array.from(token_ids), positions, temperature);
  const differences = [...scored.values()].map((value, index) =>
    Math.abs(value - logprobs[index]!),
  );
  expect(differences).toHaveLength(logprobs.length);
  return differences;
}

/** The fields of a rollout file's lines that are looked at here. */
interface Rollout {
  readonly failure: unknown;
  readonly ledger: { readonly sampled: number; readonly trained: number };
  readonly result: { readonly tool_calls: { readonly executed_ok: number } };
  readonly segments: readonly {
    readonly token_ids: readonly number[];
    readonly logprobs: readonly number[];
    readonly spans: readonly { readonly length: number; readonly origin: string }[];
  }[];
}
