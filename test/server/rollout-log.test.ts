import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RolloutProgress } from '../../src/contract/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { abandonedRollout } from '../../src/server/abandoned-rollout.ts';
import { RolloutLog } from '../../src/server/rollout-log.ts';
import { Rollouts } from '../../src/server/rollouts.ts';
import { MetricsRegistry } from '../../src/telemetry/index.ts';
import { emptyLedger } from '../../src/tokens/index.ts';

const LIMITS = { maxEvents: 8, maxEventBytes: 1e6, maxRolloutBytes: 1e6 };

const groupOf = (groupId: string, rolloutIds: readonly string[]) => ({
  groupId,
  runId: '',
  environment: 'e',
  taskKey: 't',
  attempt: 1,
  rolloutIds,
});

const key = (rolloutId: string) => ({ runId: '', rolloutId });

const started = (rolloutId: string, groupId = 'g'): RolloutProgress => ({
  kind: 'started',
  rolloutId,
  groupId,
  taskKey: 't',
  index: 0,
});

const turn = (rolloutId: string, index: number, groupId = 'g'): RolloutProgress => ({
  ...{ kind: 'turn', rolloutId, groupId, messages: [] },
  turn: { index, finishReason: 'stop', modelDurationMs: 1, toolDurationMs: 0, toolCalls: 0 },
});

const finished = (rolloutId: string, groupId = 'g'): RolloutProgress => {
  const group = groupOf(groupId, [rolloutId]);
  const seen = { lastTurn: 0, missedTurns: 0 };
  const state = { kind: 'running', rolloutId, index: 0, group, ...seen } as const;
  const error = new LachesisError('cancelled', 'over', { reason: 'X' });
  return { kind: 'finished', rolloutId, groupId, rollout: abandonedRollout(state, error, 0) };
};

describe('the rollout log', () => {
  test('numbers events from 1 without gap and reads them from a cursor', () => {
    const log = new RolloutLog(LIMITS);
    for (const id of ['a', 'b', 'c']) log.append(started(id), '', 5);
    expect(log.read(0, 10).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(log.read(2, 10).map(({ sequence }) => sequence)).toEqual([3]);
    expect(log.read(3, 10)).toEqual([]);
    expect(log.read(0, 2)).toHaveLength(2);
  });

  test('a cursor whose next event is dropped is out of range, with the oldest that is kept', () => {
    const log = new RolloutLog(LIMITS);
    for (let i = 0; i < 20; i++) log.append(started(`r${i}`), '', 0);
    expect(log.oldestSequence).toBe(13);
    expect(() => log.read(5, 1)).toThrow(
      expect.objectContaining({ kind: 'out_of_range', metadata: { oldest_sequence: '13' } }),
    );
    expect(log.read(12, 1)[0]?.sequence).toBe(13);
    expect(log.read(0, 1)[0]?.sequence).toBe(13);
    expect(() => log.read(21, 1)).toThrow(expect.objectContaining({ kind: 'out_of_range' }));
  });

  test('a rollout ends once, and nothing of it follows', () => {
    const log = new RolloutLog(LIMITS);
    log.dispatch(groupOf('g', ['a']));
    expect(log.append(started('a'), '', 0)).toBe(true);
    expect(log.append(finished('a'), '', 0)).toBe(true);
    expect(log.append(finished('a'), '', 0)).toBe(false);
    expect(log.append(started('a'), '', 0)).toBe(false);
    expect(log.lastSequence).toBe(2);
    expect(log.finished(key('a'))).toMatchObject({ id: 'a' });
  });

  test('forgets a finished rollout with its last event, and keeps finished rollouts within bytes', () => {
    const log = new RolloutLog({ ...LIMITS, maxRolloutBytes: 2_500 });
    for (const id of ['a', 'b', 'c', 'd']) log.append(finished(id), '', 0);
    expect(['a', 'b', 'c', 'd'].filter((id) => log.finished(key(id)) !== undefined)).toEqual([
      'c',
      'd',
    ]);
    for (let i = 0; i < 8; i++) log.append(started(`r${i}`), '', 0);
    expect(log.stateOf(key('a'))).toBeUndefined();
    expect(log.rolloutsOf({ runId: '', groupId: 'g' })).not.toContain('a');
  });

  test('a rollout that its group did not name is of the environment of those that it did', () => {
    const log = new RolloutLog(LIMITS);
    log.dispatch({ ...groupOf('g', ['g.0']), runId: 'run' });
    log.append(finished('g.0'), 'run', 0);
    log.append(started('g.0+1'), 'run', 0);
    expect(log.stateOf({ runId: 'run', rolloutId: 'g.0+1' })?.group).toMatchObject({
      runId: 'run',
      environment: 'e',
    });
    expect(log.rolloutsOf({ runId: 'run', groupId: 'g' })).toEqual(['g.0', 'g.0+1']);
  });

  test('keeps rollouts of one id and two runs apart, and takes an id without its run for the only one', () => {
    const log = new RolloutLog(LIMITS);
    for (const runId of ['one', 'two']) log.dispatch({ ...groupOf('g', ['g.0']), runId });
    log.append(finished('g.0'), 'one', 0);
    expect(log.open().map(({ group }) => group.runId)).toEqual(['two']);
    expect(log.finished({ runId: 'two', rolloutId: 'g.0' })).toBeUndefined();
    expect(log.append(started('g.0'), 'two', 0)).toBe(true);
    const ambiguous = expect.objectContaining({ reason: 'ROLLOUT_AMBIGUOUS', field: 'run_id' });
    expect(() => log.runOfRollout('g.0')).toThrow(ambiguous);
    expect(() => log.runOfGroup('g')).toThrow(ambiguous);
    log.dispatch({ ...groupOf('h', ['h.0']), runId: 'two' });
    expect([log.runOfGroup('h'), log.runOfRollout('h.0')]).toEqual(['two', 'two']);
    expect(log.runOfGroup('unknown')).toBeUndefined();
    // What is played outside of any run can't be named otherwise.
    log.dispatch(groupOf('g', ['g.0']));
    expect([log.runOfGroup('g'), log.runOfRollout('g.0')]).toEqual(['', '']);
  });

  test('a turn is told once, with the attempt and how many before it were missed', () => {
    const log = new RolloutLog(LIMITS);
    log.dispatch({ ...groupOf('g', ['g.0@2']), attempt: 2 });
    expect([1, 3, 3, 2].map((index) => log.append(turn('g.0@2', index), '', 0))).toEqual([
      ...[true, true, false, false],
    ]);
    log.missed(key('g.0@2'), 4);
    log.missed(key('g.0@2'), 2);
    log.append(turn('g.0@2+1', 1), '', 0);
    log.append(finished('g.0@2'), '', 0);
    expect(log.append(turn('g.0@2', 9), '', 0)).toBe(false);
    const told = log.read(0, 9).map(({ event, attempt, missedTurns }) => {
      return [event.rolloutId, event.kind, attempt, missedTurns];
    });
    expect(told).toEqual([
      ['g.0@2', 'turn', 2, 0],
      ['g.0@2', 'turn', 2, 0],
      ['g.0@2+1', 'turn', 2, 0],
      ['g.0@2', 'finished', 2, 4],
    ]);
  });

  test('turns of rollouts of one id and two runs are counted apart', () => {
    const log = new RolloutLog(LIMITS);
    for (const runId of ['one', 'two']) log.dispatch({ ...groupOf('g', ['g.0']), runId });
    log.missed({ runId: 'one', rolloutId: 'g.0' }, 3);
    expect(log.append(turn('g.0', 4), 'one', 0)).toBe(true);
    expect(log.append(turn('g.0', 1), 'two', 0)).toBe(true);
    expect(log.append(turn('g.0', 1), 'one', 0)).toBe(false);
    expect(log.read(0, 9).map(({ runId, missedTurns }) => [runId, missedTurns])).toEqual([
      ['one', 3],
      ['two', 0],
    ]);
  });

  test('whatever happens: sequences have no gap and each rollout at most one ending', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const action = fc.record({
      id: fc.constantFrom(...ids),
      kind: fc.constantFrom('started', 'finished', 'cancel', 'dispatch'),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const rollouts = new Rollouts({ limits: { ...LIMITS, maxEvents: 1_000 } });
        for (const { id, kind } of actions) {
          if (kind === 'started') rollouts.progress(started(id), '');
          else if (kind === 'finished') rollouts.progress(finished(id), '');
          else if (kind === 'dispatch') rollouts.log.dispatch(groupOf('g', [id]));
          else {
            const state = rollouts.log.stateOf(key(id));
            if (state !== undefined) rollouts.cancel([state], 'enough');
          }
        }
        const events = rollouts.log.read(0, 1_000);
        expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
        for (const id of ids) {
          const own = events.filter(({ event }) => event.rolloutId === id);
          const endings = own.filter(({ event }) => event.kind === 'finished');
          expect(endings.length).toBeLessThanOrEqual(1);
          if (endings.length === 1) expect(own.at(-1)).toBe(endings[0]);
        }
      }),
    );
  });
});

describe('cancelling', () => {
  test('ends a waiting rollout at once, and a late player of it finds it cancelled', () => {
    const rollouts = new Rollouts();
    rollouts.log.dispatch(groupOf('g', ['a']));
    expect(rollouts.cancel([rollouts.log.stateOf(key('a'))!], 'enough')).toEqual(['a']);
    expect(rollouts.log.stateOf(key('a'))?.kind).toBe('finished');
    expect(rollouts.signalOf(key('a')).aborted).toBe(true);
  });

  test('tells the player of a running one, which ends it itself', () => {
    const rollouts = new Rollouts();
    const signal = rollouts.signalOf(key('a'));
    rollouts.progress(started('a'), '');
    rollouts.cancel([rollouts.log.stateOf(key('a'))!], 'enough');
    expect(signal.reason).toMatchObject({ kind: 'cancelled', message: 'enough' });
    expect(rollouts.log.stateOf(key('a'))?.kind).toBe('running');
  });
});

test('buckets of the ledger are labelled as docs, files and the wire spell them', () => {
  const metrics = new MetricsRegistry();
  const rollouts = new Rollouts({ metrics });
  rollouts.log.dispatch(groupOf('g', ['a']));
  rollouts.progress(started('a'), '');
  const end = finished('a');
  if (end.kind !== 'finished') throw new Error('not finished');
  const ledger = { ...emptyLedger(), sampled: 5, trained: 2, droppedBranch: 3 };
  rollouts.progress({ ...end, rollout: { ...end.rollout, ledger } }, '');
  const found = metrics.snapshot().find(({ name }) => name === 'lachesis_ledger_tokens_total');
  expect(found?.series).toEqual([
    [['trained'], 2],
    [['dropped_branch'], 3],
  ]);
});
