import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readRolloutLine } from '../../../src/contract/index.ts';
import { ledgerBalance } from '../../../src/tokens/index.ts';
import { ChatWorld, END, lettersOf } from '../../support/engines/chat-world.ts';
import { startVllmFake } from '../../support/engines/vllm-fake.ts';
import { cli } from '../support.ts';

const environment = path.resolve(import.meta.dirname, '../../support/engines/price-list.ts');

/** Looks the item of the last question up, then says what came back. */
function shopper(): ChatWorld {
  return new ChatWorld(({ messages }) => {
    const last = messages.at(-1);
    if (last.role === 'tool') return { text: String(last.content) };
    const item = /the (\w+)\?/.exec(last.content)?.[1] ?? 'nothing';
    // The third item’s call has a space that the server does not write again.
    const text = `<call>price {${item === 'kettle' ? ' ' : ''}"item":"${item}"}</call>`;
    return { text };
  });
}

test('`lachesis process --engine vllm-chat` plays tools and keeps the ids that the server gave', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-vllm-chat-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'rollouts.jsonl');
  const world = shopper();
  await using fake = await startVllmFake({ chat: world.chat, contextLength: 4_096 });
  const run = cli(
    ...['process', environment, '--out', file, '--engine', 'vllm-chat', '--engine-url', fake.url],
    ...['--max-tokens', '100', '--engine-canary', '0'],
  );
  expect(await run.code, run.err()).toBe(0);
  expect(fake.problems).toEqual([]);
  expect(run.err()).toContain('engine: spelling: unknown: it has no /detokenize');
  const rollouts = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => readRolloutLine(line, file));
  expect(rollouts).toHaveLength(3);
  for (const { rollout } of rollouts) {
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
    expect(ledgerBalance(rollout.ledger)).toBe(0);
    expect(rollout.provenance.logprobMode).toBe('raw');
    const log = world.log.filter(({ requestId }) => requestId.startsWith(`${rollout.id}/`));
    expect(log.map(({ sampled }) => sampled.length).reduce((a, b) => a + b)).toBe(
      rollout.ledger.sampled,
    );
    const { prompt, sampled } = log.at(-1)!;
    expect([...rollout.segments.at(-1)!.tokenIds]).toEqual([...prompt, ...sampled]);
  }
  const drifted = rollouts.filter(({ rollout }) => rollout.segments.length > 1);
  expect(drifted.map(({ rollout }) => rollout.taskKey)).toEqual(['kettle']);
  const call = [...lettersOf('<call>price { "item":"kettle"}</call>'), END];
  expect(drifted[0]!.rollout.ledger.droppedBranch).toBe(call.length);
});
