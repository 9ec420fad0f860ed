// Checked by tsc, never run: how a definition is hosted and played, and what comes back.
import {
  createDirectServer,
  createManagedServer,
  type EnvironmentDefinition,
  type ErrorKind,
  type finalNumber,
  type Group,
  type groupAdvantages,
  type HostedEnvironment,
  hostEnvironment,
  LachesisError,
  type Ledger,
  type ModelServer,
  type Outcome,
  type passAtK,
  playGroup,
  playRollout,
  type Rollout,
  type RolloutFailure,
  type Segment,
  type StopReason,
  type Task,
} from 'lachesis';
import { sameType } from './same-type.ts';

declare const definition: EnvironmentDefinition<{ readonly a: number }, { readonly b: string }>;
declare const task: Task;
declare const modelServer: ModelServer;
const { signal } = new AbortController();

// An environment of any types is hosted alike.
const environment = await hostEnvironment(definition, { data: 'x' }, { name: 'other', signal });
sameType<typeof environment, HostedEnvironment>();
// @ts-expect-error settings are an object of JSON
await hostEnvironment(definition, 'x');
// @ts-expect-error a date is no JSON
await hostEnvironment(definition, { since: new Date() });

const options = { environment, modelServer, task, groupId: 'g', groupSize: 4, signal };
const group = await playGroup(options);
sameType<typeof group, Group>();
sameType<(typeof group)['rollouts'], readonly Rollout[]>();
// @ts-expect-error whoever plays says when to stop
await playGroup({ environment, modelServer, task, groupId: 'g', groupSize: 4 });
// @ts-expect-error a group has a size
await playGroup({ environment, modelServer, task, groupId: 'g', signal });

const rollout = await playRollout({ ...options, rolloutId: 'r', index: 0 });
sameType<typeof rollout, Rollout>();
sameType<typeof rollout.segments, readonly Segment[]>();
sameType<typeof rollout.ledger, Ledger>();
sameType<typeof rollout.result.stopReason, StopReason>();
// @ts-expect-error a rollout that was played is not changed
rollout.index = 1;

// A failure is no score: the reward is only there where there is one.
export function rewardOf({ outcome }: Rollout): number | RolloutFailure {
  sameType<typeof outcome, Outcome>();
  // @ts-expect-error it may not have been scored
  void outcome.reward;
  switch (outcome.kind) {
    case 'scored':
      return outcome.reward;
    case 'not_scored':
      sameType<typeof outcome.failure.kind, ErrorKind>();
      return outcome.failure;
  }
}

sameType<ReturnType<typeof createDirectServer>, ModelServer>();
createDirectServer({ baseUrl: 'http://127.0.0.1:8000/v1', model: 'm' });
// @ts-expect-error a model has a name
createDirectServer({ baseUrl: 'http://127.0.0.1:8000/v1' });
// @ts-expect-error tokens are rendered by somebody
createManagedServer({});

sameType<ReturnType<typeof finalNumber>, number | undefined>();
sameType<ReturnType<typeof passAtK>, number>();
sameType<ReturnType<typeof groupAdvantages>, (number | undefined)[]>();

export function kindOf(error: unknown): ErrorKind | undefined {
  return error instanceof LachesisError ? error.kind : undefined;
}
