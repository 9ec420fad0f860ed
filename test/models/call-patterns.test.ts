import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  emptyLedger,
  type Ledger,
  ledgerBalance,
  settle,
  type TrainingPolicy,
  trainedLength,
} from '../../src/tokens/index.ts';
import { CALL_PATTERNS, playPattern } from '../support/call-patterns.ts';

const POLICIES = ['strict', 'realign', 'fork', 'mask'] as const;
/** Rows, and what of the ledger is not 0. */
type Expected = readonly [rows: number, buckets: Partial<Ledger>];

/** Worked out by hand from the patterns' numbers and the policies' words in docs/tokens.md. */
const EXPECTED: Readonly<Record<string, Readonly<Record<TrainingPolicy, Expected>>>> = {
  'linear, 3 turns (30)': {
    strict: [1, { trained: 30 }],
    realign: [1, { trained: 30 }],
    fork: [1, { trained: 30 }],
    mask: [1, { trained: 30 }],
  },
  'sub-agent of 2 turns between turns (48)': {
    strict: [2, { trained: 48 }],
    realign: [2, { trained: 48 }],
    fork: [2, { trained: 48 }],
    mask: [2, { maskedByFailure: 48 }],
  },
  'the same, declared': {
    strict: [2, { trained: 48 }],
    realign: [2, { trained: 48 }],
    fork: [2, { trained: 48 }],
    mask: [2, { trained: 48 }],
  },
  'sub-agent of 1 turn, first to finish (39)': {
    strict: [1, { trained: 30, droppedBranch: 9 }],
    realign: [1, { trained: 30, droppedBranch: 9 }],
    fork: [2, { trained: 39 }],
    mask: [1, { maskedByFailure: 39 }],
  },
  'the same sub-agent, declared': {
    strict: [2, { trained: 39 }],
    realign: [2, { trained: 39 }],
    fork: [2, { trained: 39 }],
    mask: [2, { trained: 39 }],
  },
  'compaction after turn 2 (37)': {
    strict: [2, { trained: 37 }],
    realign: [2, { trained: 37 }],
    fork: [2, { trained: 37 }],
    mask: [2, { maskedByFailure: 37 }],
  },
  'the same, its agent declared': {
    strict: [2, { trained: 37 }],
    realign: [2, { trained: 37 }],
    fork: [2, { trained: 37 }],
    mask: [2, { maskedByFailure: 37 }],
  },
  'title side call first (34)': {
    strict: [1, { trained: 30, droppedBranch: 4 }],
    realign: [1, { trained: 30, droppedBranch: 4 }],
    fork: [2, { trained: 34 }],
    mask: [1, { maskedByFailure: 34 }],
  },
  'title side call last (34)': {
    strict: [1, { trained: 30, droppedBranch: 4 }],
    realign: [1, { trained: 30, droppedBranch: 4 }],
    fork: [2, { trained: 34 }],
    mask: [1, { maskedByFailure: 34 }],
  },
  'title side call asked twice (38)': {
    strict: [1, { trained: 30, droppedBranch: 8 }],
    realign: [1, { trained: 30, droppedBranch: 8 }],
    fork: [3, { trained: 38 }],
    mask: [1, { maskedByFailure: 38 }],
  },
  'title side call, declared': {
    strict: [1, { trained: 30, notForTraining: 4 }],
    realign: [1, { trained: 30, notForTraining: 4 }],
    fork: [1, { trained: 30, notForTraining: 4 }],
    mask: [1, { trained: 30, notForTraining: 4 }],
  },
  'lost reply, asked again (26)': {
    strict: [1, { trained: 20, abandonedRetry: 6 }],
    realign: [1, { trained: 20, abandonedRetry: 6 }],
    fork: [1, { trained: 20, abandonedRetry: 6 }],
    mask: [1, { maskedByFailure: 20, abandonedRetry: 6 }],
  },
  'lost reply, asked otherwise (38)': {
    strict: [1, { trained: 32, droppedBranch: 6 }],
    realign: [1, { trained: 32, droppedBranch: 6 }],
    fork: [2, { trained: 38 }],
    mask: [1, { maskedByFailure: 38 }],
  },
  'last answer sampled again (26)': {
    strict: [1, { trained: 19, droppedBranch: 7 }],
    realign: [1, { trained: 19, droppedBranch: 7 }],
    fork: [2, { trained: 26 }],
    mask: [1, { maskedByFailure: 26 }],
  },
  'sampled again, and that is lost (26)': {
    strict: [1, { trained: 10, droppedBranch: 7, abandonedRetry: 9 }],
    realign: [1, { trained: 10, droppedBranch: 7, abandonedRetry: 9 }],
    fork: [1, { trained: 17, abandonedRetry: 9 }],
    mask: [1, { maskedByFailure: 17, abandonedRetry: 9 }],
  },
  'two samples, the first taken up (35)': {
    strict: [1, { trained: 23, droppedBranch: 12 }],
    realign: [1, { trained: 23, droppedBranch: 12 }],
    fork: [2, { trained: 35 }],
    mask: [1, { maskedByFailure: 35 }],
  },
  'two samples of turn 2, the first taken up (30)': {
    strict: [1, { trained: 26, droppedBranch: 4 }],
    realign: [1, { trained: 26, droppedBranch: 4 }],
    fork: [2, { trained: 30 }],
    mask: [1, { maskedByFailure: 30 }],
  },
  'an answer that a judge rejects (29)': {
    strict: [1, { trained: 19, droppedBranch: 7, notForTraining: 3 }],
    realign: [1, { trained: 19, droppedBranch: 7, notForTraining: 3 }],
    fork: [2, { trained: 26, notForTraining: 3 }],
    mask: [1, { maskedByFailure: 26, notForTraining: 3 }],
  },
  'drift in the last 2 tokens of turn 2 (30)': {
    strict: [1, { trained: 18, droppedBranch: 12 }],
    realign: [2, { trained: 28, realignedDrift: 2 }],
    fork: [2, { trained: 30 }],
    mask: [1, { maskedByFailure: 30 }],
  },
  'thinking stripped by the client (34)': {
    strict: [2, { trained: 34 }],
    realign: [2, { trained: 34 }],
    fork: [2, { trained: 34 }],
    mask: [2, { maskedByFailure: 34 }],
  },
};

test('every pattern has its numbers', () => {
  expect(Object.keys(EXPECTED)).toEqual(Object.keys(CALL_PATTERNS));
});

test('the table of docs/tokens.md says these numbers', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/tokens.md'), 'utf8');
  const cell = ([rows, { trained = 0, ...rest }]: Expected): string => {
    const others = Object.entries(rest).map(([name, tokens]) => {
      const bucket = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return `${bucket} ${tokens}`;
    });
    return [`${rows}: ${trained}`, ...(others.length > 0 ? [others.join(', ')] : [])].join('; ');
  };
  const wanted = Object.entries(EXPECTED).map(
    ([name, by]) => `| ${[name, ...POLICIES.map((policy) => cell(by[policy]))].join(' | ')} |`,
  );
  const shown = page.split('\n').filter((line) => / \| \d+: \d+/.test(line));
  expect(shown).toEqual(wanted);
});

test.each(
  Object.entries(EXPECTED).flatMap(([name, byPolicy]) =>
    POLICIES.map((policy) => [name, policy, byPolicy[policy]] as const),
  ),
)('%s under %s', async (name, policy, [rowCount, buckets]) => {
  const { segments, calls, sampledTokens = 0 } = await playPattern(CALL_PATTERNS[name]!);
  const options = { rolloutId: 'r', calls, policy, maxRowTokens: 0, masked: false, sampledTokens };
  const { rows, ledger, segments: settled } = settle({ ...options, segments });
  const sampled = Object.values(buckets).reduce((sum, tokens) => sum + tokens, 0);
  expect(ledger).toEqual({ ...emptyLedger(), sampled, ...buckets });
  expect(ledgerBalance(ledger)).toBe(0);
  expect(rows).toHaveLength(rowCount);
  expect(rows.reduce((sum, row) => sum + trainedLength(row.spans), 0)).toBe(ledger.trained);
  // Settled once, it stays: under its own policy, and under each of the others.
  for (const other of POLICIES) {
    const again = settle({ ...options, policy: other, segments: settled });
    expect(again.ledger).toEqual(settle({ ...options, policy: other, segments }).ledger);
  }
});
