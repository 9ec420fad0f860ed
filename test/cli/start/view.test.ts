import { expect, test } from 'vitest';
import { progressBar, sparkline } from '../../../src/cli/start/curve.ts';
import { LiveView, viewLines } from '../../../src/cli/start/view.ts';
import { emptyLedger } from '../../../src/tokens/index.ts';

test('a curve has one character per value and keeps the newest', () => {
  expect(sparkline([0, 0.5, 1], 10)).toBe('▁▅█');
  expect(sparkline([0, 0, 1], 1)).toBe('█');
  expect(progressBar(0.5, 4)).toBe('██░░');
});

test('the view names what the ledger leaves out', () => {
  const lines = viewLines(
    {
      phase: 'training',
      maxSteps: 10,
      steps: [],
      rollouts: 3,
      sampledTokens: 10,
      elapsedSeconds: 2,
      toolCalls: { attempted: 1, executedOk: 1, execError: 0 },
      ledger: { ...emptyLedger(), sampled: 10, trained: 8, maskedByFailure: 2 },
    },
    80,
  );
  expect(lines.at(-1)).toContain('10 sampled = 8 trained, masked_by_failure 2');
  expect(lines.every((line) => line.length <= 110)).toBe(true);
});

test('redrawing goes up over what was drawn before', () => {
  let text = '';
  const view = new LiveView((more) => {
    text += more;
  });
  view.draw(['a', 'b']);
  view.draw(['c', 'd']);
  expect(text).toBe('\x1b[2Ka\n\x1b[2Kb\n\x1b[2A\x1b[2Kc\n\x1b[2Kd\n');
});
