import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeGroup, encodeGroup, type GroupPolicy } from '../../src/contract/index.ts';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import { type ErrorKind, LachesisError } from '../../src/errors.ts';
import { ledgerBalance } from '../../src/tokens/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';

/** Where a rollout fails, and the kinds that such a failure may be typed as. */
const failures: Readonly<Record<string, readonly ErrorKind[]>> = {
  setup: ['environment_error'],
  prompt: ['environment_error'],
  model: ['model_error'],
  engine: ['infrastructure_error'],
  tool: ['infrastructure_error'],
  reward: ['environment_error'],
  nan: ['environment_error'],
  declined: ['environment_error'],
  judge: ['model_error'],
  slow: ['deadline_exceeded'],
};
const names = ['none', ...Object.keys(failures)];

const fail = (kind: ErrorKind): never => {
  throw new LachesisError(kind, 'it failed', { reason: 'FAILED' });
};

async function played(plan: readonly string[]) {
  const planOf = (id: string): string => plan[Number(id.split('.')[1])] ?? 'none';
  const environment = await hostEnvironment(
    defineEnvironment({
      name: 'test',
      tasks: [{ data: 0 }],
      setup: (_, { rolloutId }) => {
        if (planOf(rolloutId) === 'setup') throw new Error('bug');
        return planOf(rolloutId);
      },
      prompt: (_, { state }) => {
        if (state === 'prompt') throw new Error('bug');
        return 'x';
      },
      tools: [
        {
          definition: { name: 'tool', description: '', parameters: { type: 'object' } },
          execute: async () => fail('infrastructure_error'),
        },
      ],
      // A reward of 0 is a score like any other: only then can a failure be told from one.
      reward: ({ state }) => {
        if (state === 'reward') throw new Error('bug');
        if (state === 'judge') fail('model_error');
        if (state === 'declined') return { notScored: 'the judge was off' };
        return state === 'nan' ? Number.NaN : 0;
      },
      timeoutMs: 30,
    }),
  );
  const modelServer = fakeModelServer((id, call) => {
    switch (planOf(id)) {
      case 'model':
        return { error: new LachesisError('model_error', 'no', { reason: 'NO' }) };
      case 'engine':
        return { error: new LachesisError('infrastructure_error', 'down', { reason: 'DOWN' }) };
      case 'tool':
        return call === 1 ? { call: { name: 'tool', args: {} } } : { text: 'ok' };
      case 'slow':
        return { hang: true };
      default:
        return { text: 'ok' };
    }
  });
  return playGroup({
    environment,
    modelServer,
    task: { key: '0', split: '', data: 0 },
    groupId: 'g',
    runId: 'run',
    groupSize: plan.length,
    signal: new AbortController().signal,
  });
}

const policies = fc.constantFrom<GroupPolicy['failedRollouts']>(
  'drop_rollout',
  'drop_group',
  'mask',
);
const plans = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 5 });

it('a failed rollout is typed, has no reward and trains no token, under every policy', async () => {
  await fc.assert(
    fc.asyncProperty(plans, policies, async (plan, failedRollouts) => {
      const group = await played(plan);
      group.rollouts.forEach(({ outcome, ledger }, i) => {
        const kinds = failures[plan[i] as string];
        if (kinds === undefined) {
          expect(outcome).toEqual({ kind: 'scored', reward: 0, components: [] });
          return;
        }
        expect(outcome.kind, plan[i]).toBe('not_scored');
        expect(kinds).toContain(outcome.kind === 'not_scored' && outcome.failure.kind);
        expect(ledger.trained).toBe(0);
        expect(ledgerBalance(ledger)).toBe(0);
      });

      const policy: GroupPolicy = { trainingPolicy: 'strict', failedRollouts, maxRowTokens: 0 };
      const encoding = encodeGroup(group, { policy });
      const failed = plan.filter((name) => name !== 'none').length;
      const isDropped = failed === plan.length || (failed > 0 && failedRollouts === 'drop_group');
      expect(encoding.kind).toBe(isDropped ? 'dropped' : 'kept');
      if (encoding.kind !== 'kept') return;
      const { header, parts } = encoding.encoded;
      const expected = failedRollouts === 'mask' ? plan.length : plan.length - failed;
      expect(header.rollouts).toHaveLength(expected);
      for (const summary of header.rollouts) {
        expect(summary.reward).toBe(summary.masked ? undefined : 0);
      }
      const masked = new Set(
        header.rollouts.filter((summary) => summary.masked).map(({ rolloutId }) => rolloutId),
      );
      for (const row of decodeGroup(header, parts).rows) {
        const trains = row.spans.some(({ loss }) => loss === 'trained');
        expect(trains).toBe(!masked.has(row.rolloutId));
      }
    }),
    { numRuns: 60 },
  );
});
