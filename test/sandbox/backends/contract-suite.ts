import { describe } from 'vitest';
import { type ContractOptions, openBench } from './contract/bench.ts';
import { testEnding } from './contract/ending.ts';
import { testFiles } from './contract/files.ts';
import { testLife } from './contract/life.ts';
import { testRefusals } from './contract/refusals.ts';
import { testRunning } from './contract/running.ts';
import { testStarting } from './contract/starting.ts';
import { testStreams } from './contract/streams.ts';

export type { ContractGap, ContractOptions } from './contract/bench.ts';

/** The one suite that every backend of sandboxes passes. To be called in a test file of its own. */
export function testSandboxContract(options: ContractOptions): void {
  const timeout = options.testTimeoutMs ?? 20_000;
  describe(`the sandbox contract: ${options.name}`, { timeout }, () => {
    const bench = openBench(options);
    testRunning(bench);
    testStreams(bench);
    testEnding(bench);
    testStarting(bench);
    testRefusals(bench);
    testFiles(bench);
    testLife(bench);
  });
}
