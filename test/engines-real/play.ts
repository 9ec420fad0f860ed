import { readFileSync } from 'node:fs';
import path from 'node:path';
import { playPlan } from '../../src/cli/process/plan.ts';
import { playIntoFile } from '../../src/cli/process/play-into-file.ts';
import type { RealServer } from './llama-server.ts';

/** The fields of a rollout file's lines that are looked at here. */
export interface Rollout {
  readonly failure: unknown;
  readonly ledger: { readonly sampled: number; readonly trained: number };
  readonly result: { readonly tool_calls: { readonly executed_ok: number } };
  readonly segments: readonly {
    readonly token_ids: readonly number[];
    readonly logprobs: readonly number[];
    readonly spans: readonly { readonly length: number; readonly origin: string }[];
  }[];
}

/** Plays the price list as `lachesis process --tokenizer model.gguf` does, and reads what was played. */
export async function playPriceList(
  server: RealServer,
  options: {
    readonly modelFile: string;
    readonly file: string;
    readonly attempts: number;
    readonly temperature: number;
    readonly signal: AbortSignal;
  },
): Promise<Rollout[]> {
  const { modelFile, file, attempts, temperature, signal } = options;
  const values = {
    engine: 'llama-cpp',
    'engine-url': [server.url],
    tokenizer: modelFile,
    'tool-parser': 'hermes',
    attempts: String(attempts),
    concurrency: '1',
    temperature: String(temperature),
  };
  const environment = path.resolve(
    import.meta.dirname,
    '../support/engines/price-list-in-words.ts',
  );
  await playIntoFile(
    { plan: playPlan([environment], values), values, file },
    { out: () => {}, err: () => {}, terminal: false, columns: 80, environment: {}, signal },
  );
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** How far each sampled logprob of a rollout is from what the model says of it now. */
export async function recheck(
  { segments }: Rollout,
  server: RealServer,
  temperature: number,
): Promise<number[]> {
  const differences: number[] = [];
  for (const { token_ids, logprobs, spans } of segments) {
    const positions = new Set<number>();
    let at = 0;
    for (const { length, origin } of spans) {
      for (let i = at; origin === 'sampled' && i < at + length; i++) positions.add(i);
      at += length;
    }
    const ids = Int32Array.from(token_ids);
    const scored = [...(await server.model.score(ids, positions, temperature)).values()];
    if (scored.length !== logprobs.length) {
      throw new Error(`${logprobs.length} logprobs, and ${scored.length} sampled tokens`);
    }
    differences.push(...scored.map((value, index) => Math.abs(value - logprobs[index]!)));
  }
  return differences;
}
