import { describe, expect, it } from 'vitest';
import { Limiter } from '../../src/async/index.ts';
import type { RolloutProgress } from '../../src/contract/index.ts';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
  type PlayGroupOptions,
  playGroup,
} from '../../src/environment/index.ts';
import { fakeModelServer } from './fake-model-server.ts';

async function group(
  part: Partial<EnvironmentDefinition>,
  options: Partial<PlayGroupOptions> = {},
) {
  const events: RolloutProgress[] = [];
  const definition = {
    name: 'test',
    tasks: [{ data: 0 }],
    prompt: () => 'x',
    reward: ({ result }: { result: { messages: readonly unknown[] } }) => result.messages.length,
    ...part,
  };
  const played = await playGroup({
    environment: await hostEnvironment(defineEnvironment(definition as EnvironmentDefinition)),
    modelServer: fakeModelServer(() => ({ text: 'ok' })),
    task: { key: '0', split: '', data: 0 },
    groupId: 'g',
    groupSize: 4,
    onProgress: (event) => events.push(event),
    signal: new AbortController().signal,
    ...options,
  });
  return { group: played, events };
}

describe('playGroup', () => {
  it('plays all rollouts, by index', async () => {
    const { group: played } = await group({});
    expect(played.rollouts.map(({ id }) => id)).toEqual(['g.0', 'g.1', 'g.2', 'g.3']);
  });

  it('keeps to the limiter', async () => {
    let most = 0;
    let now = 0;
    await group(
      {
        setup: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
        },
        teardown: () => {
          now -= 1;
        },
      },
      { limiter: new Limiter(2), groupSize: 7 },
    );
    expect(most).toBe(2);
  });

  it('lets groupReward rewrite the scored rewards, and finishes a rollout only then', async () => {
    const { group: played, events } = await group({
      reward: ({ result }) => (result.messages.length > 0 ? 1 : 0),
      groupReward: (rollouts) => rollouts.map((_, i) => i * 10),
    });
    const rewards = played.rollouts.map(
      ({ outcome }) => outcome.kind === 'scored' && outcome.reward,
    );
    expect(rewards).toEqual([0, 10, 20, 30]);
    const finished = events.filter((event) => event.kind === 'finished');
    expect(finished.map(({ rollout }) => rollout.outcome)).toEqual(
      played.rollouts.map(({ outcome }) => outcome),
    );
  });

  it.each([
    ['too few', () => [1]],
    ['NaN', (rollouts: readonly unknown[]) => rollouts.map(() => Number.NaN)],
    [
      'a throw',
      () => {
        throw new Error('no');
      },
    ],
  ])('scores none when groupReward gives %s', async (_, groupReward) => {
    const { group: played } = await group({ groupReward });
    for (const { outcome, ledger } of played.rollouts) {
      expect(outcome).toMatchObject({ failure: { kind: 'environment_error' } });
      expect(ledger.trained).toBe(0);
    }
  });

  it('cancels one rollout and leaves the others', async () => {
    const one = AbortSignal.abort(new Error('not this one'));
    const { group: played, events } = await group(
      {},
      { rolloutSignal: (id) => (id === 'g.2' ? one : undefined) },
    );
    expect(played.rollouts.map(({ outcome }) => outcome.kind)).toEqual([
      'scored',
      'scored',
      'not_scored',
      'scored',
    ]);
    expect(events.filter(({ kind }) => kind === 'finished')).toHaveLength(4);
  });
});
