import { expect, test } from 'vitest';
import { Progress, rewardText, tallyLines } from '../../../src/cli/process/progress.ts';
import { type PlayedRow, Tally } from '../../../src/cli/process/tally.ts';

const row = (reward: number | undefined): PlayedRow => ({
  groupId: 'task-1',
  reward,
  failure:
    reward === undefined
      ? { kind: 'model_error', message: `no\n${'answer '.repeat(50)}` }
      : undefined,
  metrics: {},
  components: [],
  promptTokens: 1_000,
  completionTokens: 10,
  sampledTokens: 10,
  conditions: { model: 'm', version: '1', sampling: '{}' },
});

function progressOf(terminal: boolean, total: number, columns = 80) {
  let out = '';
  let steps = 0;
  const tally = new Tally();
  const progress = new Progress({
    io: {
      out: (text) => {
        out += text;
      },
      terminal,
      columns,
    },
    tally,
    total,
    kept: 0,
    onStep: () => {
      steps += 1;
    },
  });
  const play = (rows: number): void => {
    for (let i = 0; i < rows; i++) {
      tally.add(row(i % 2));
      progress.advance();
    }
  };
  return { progress, play, out: () => out, steps: () => steps };
}

test('where nothing can be redrawn there is a plain line at each 5 %', () => {
  const { progress, play, out, steps } = progressOf(false, 1_000);
  play(1_000);
  progress[Symbol.dispose]();
  const lines = out().trimEnd().split('\n');
  expect([lines.length, steps()]).toEqual([20, 20]);
  expect(lines[0]).toMatch(/^50 of 1,000 \(5\.0 %\) {2}reward 0\.500 {2}[\d.]+\/s$/);
});

test('on a terminal one bar is redrawn, which never wraps', () => {
  for (const columns of [20, 40, 80, 200]) {
    const { progress, play, out } = progressOf(true, 10, columns);
    play(5);
    progress[Symbol.dispose]();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own codes
    const drawn = out().replaceAll(/\x1b\[\w+/g, '');
    expect(drawn).toMatch(/^█+░+ 5/);
    expect(drawn.trimEnd().length).toBeLessThanOrEqual(columns);
  }
});

test('the sum tells failures by kind with an example of one line, and no reward is not 0', () => {
  const tally = new Tally();
  expect(rewardText(tally.meanReward)).toBe('-');
  for (const reward of [1, 0, undefined]) tally.add(row(reward));
  const lines = tallyLines(tally);
  expect(lines[0]).toBe('scored      2, mean reward 0.500');
  expect(lines[2]).toMatch(/^ {2}model_error 1: no answer .*…$/);
  expect(lines.at(-1)).toBe('tokens      3,000 prompt, 30 completion, 30 sampled by the account');
});
