// The rows of the behaviour table. A row says what a server does, in proto JSON, whatever the client.
import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { EnvironmentService } from '../../gen/lachesis/v1/environment_service_pb.ts';
import { PolicyService } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { RunService } from '../../gen/lachesis/v1/run_service_pb.ts';
import { ServerService } from '../../gen/lachesis/v1/server_service_pb.ts';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import type { ScriptedEngine } from '../../src/models/index.ts';
import type { CallOutcome, ContractClient } from './clients/contract-client.ts';
import { syntheticGroup, trainingRow } from './support/synthetic-group.ts';
import { STUCK_SAMPLED_TOKENS } from './support/table-server.ts';

/** What a row is given. The client under test calls; `setUp` is always our own client. */
export interface Cell {
  readonly client: ContractClient;
  readonly setUp: ContractClient;
  /** The client under test with another token. */
  withToken(token: string): Promise<ContractClient>;
  readonly workerToken: string;
  /** Group of rollouts that were played to their end before. */
  readonly playedGroupId: string;
  /** The engine of the environment `stuck`: it samples until it is aborted. */
  readonly stuckEngine: ScriptedEngine;
  /** Unique in the table. */
  readonly id: string;
  /** Requests that the server has not finished. */
  openRequests(): number;
}

/** What a client must be able to do for a row. */
export type Need = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';

export interface Behaviour {
  readonly name: string;
  readonly needs: Need;
  run(cell: Cell): Promise<void>;
}

export const behaviours: readonly Behaviour[] = [
  {
    name: 'unary call',
    needs: 'unary',
    run: async ({ client }) => {
      const { responses } = ok(await client.call(ServerService.method.getServerInfo, [{}]));
      expect(responses).toHaveLength(1);
      expect(at(responses, 0)['services']).toContain('lachesis.v1.BatchService');
    },
  },
  {
    name: 'server stream, in order and to its end',
    needs: 'server_streaming',
    run: async ({ client, setUp, id }) => {
      await openRun(setUp, id);
      await submit(setUp, id, ['a', 'b', 'c']);
      const request = { runId: id, headerOnly: true };
      const { responses } = ok(await client.call(RunService.method.scanGroups, [request]));
      const groups = responses.map((response) => (response as JsonObject)['group'] as JsonObject);
      const positions = groups.filter(Boolean).map(({ position }) => position);
      expect(positions).toEqual(['1', '2', '3']);
    },
  },
  {
    name: 'client stream, answered once',
    needs: 'client_streaming',
    run: async ({ client, id }) => {
      const open = { stepId: id, loss: 'reinforce', learningRate: 1e-6 };
      const requests = [{ open }, { row: trainingRow(`${id}.0`) }, { row: trainingRow(`${id}.1`) }];
      const { responses } = ok(await client.call(PolicyService.method.trainStep, requests));
      expect(responses).toHaveLength(1);
      expect(at(responses, 0)['trainedTokens']).toBe('8');
    },
  },
  {
    name: 'bidirectional stream; a refused group does not end it',
    needs: 'bidi_streaming',
    run: async ({ client, setUp, id }) => {
      await openRun(setUp, id);
      const { responses } = ok(
        await client.call(WorkService.method.submitGroups, [
          { open: { runId: id } },
          ...syntheticGroup({ runId: id, groupId: 'a' }).frames,
          ...syntheticGroup({ runId: id, groupId: 'b', wrongDigest: true }).frames,
          ...syntheticGroup({ runId: id, groupId: 'a' }).frames,
        ]),
      );
      const refusals = responses.flatMap((response) => (response as JsonObject)['refusal'] ?? []);
      expect(refusals).toMatchObject([
        { groupNumber: '2', groupId: 'b', error: { reason: 'GROUP_DIGEST_MISMATCH' } },
      ]);
      expect(responses.at(-1)).toMatchObject({ ack: { groups: '3', duplicates: '1' } });
    },
  },
  {
    name: 'cancel reaches the server',
    needs: 'server_streaming',
    run: async ({ client, setUp, id, openRequests }) => {
      await openRun(setUp, id);
      const before = openRequests();
      const outcome = await client.call(BatchService.method.watchPolicyVersion, [{ runId: id }], {
        cancelAfter: 1,
      });
      expect(outcome).toMatchObject({ code: 'canceled' });
      expect(outcome.responses).toHaveLength(1);
      await expect.poll(openRequests, { timeout: 2_000, interval: 10 }).toBe(before);
    },
  },
  {
    name: 'deadline',
    needs: 'server_streaming',
    run: async ({ client, setUp, id, openRequests }) => {
      await openRun(setUp, id);
      const before = openRequests();
      const start = performance.now();
      const outcome = await client.call(BatchService.method.watchPolicyVersion, [{ runId: id }], {
        timeoutMs: 300,
      });
      expect(outcome).toMatchObject({ code: 'deadline_exceeded' });
      expect(performance.now() - start).toBeLessThan(2_000);
      await expect.poll(openRequests, { timeout: 2_000, interval: 10 }).toBe(before);
    },
  },
  {
    name: 'deadline reaches the engine within 100 ms; the partial rollout has one ending',
    needs: 'bidi_streaming',
    run: async ({ client, setUp, id, stuckEngine }) => {
      const nth = stuckEngine.calls.length;
      const assignment = { id, environment: 'stuck', taskKey: 'sum', groupSize: 1 };
      const play = client.call(EnvironmentService.method.playRollout, [{ open: { assignment } }], {
        timeoutMs: 1_000,
      });
      await stuckEngine.arrived(nth);
      expect(await play).toMatchObject({ code: 'deadline_exceeded' });
      const state = () => stuckEngine.calls[nth]?.state;
      await expect.poll(state, { timeout: 100, interval: 5 }).toBe('aborted');
      const watch = { rolloutIds: [`${id}.0`], untilFinished: true };
      const events = ok(await setUp.call(EnvironmentService.method.watchRollouts, [watch]));
      const finished = events.responses.flatMap(
        (response) => ((response as JsonObject)['event'] as JsonObject)['finished'] ?? [],
      );
      expect(finished).toMatchObject([
        {
          stopReason: 'STOP_REASON_DEADLINE',
          ledger: { sampled: String(STUCK_SAMPLED_TOKENS) },
        },
      ]);
    },
  },
  {
    name: 'message over the limit; the connection lives on',
    needs: 'unary',
    run: async ({ client }) => {
      const request = { runId: 'x'.repeat(17 * 1_048_576) };
      const outcome = await client.call(RunService.method.getRun, [request]);
      expect(outcome).toMatchObject({ code: 'resource_exhausted' });
      ok(await client.call(ServerService.method.getServerInfo, [{}], { timeoutMs: 5_000 }));
    },
  },
  {
    name: 'typed details of an error',
    needs: 'unary',
    run: async ({ client, id }) => {
      const outcome = await client.call(RunService.method.getRun, [{ runId: id }]);
      expect(outcome).toMatchObject({
        code: 'not_found',
        detail: { reason: expect.stringMatching(/^[A-Z][A-Z_]+$/), origin: 'ERROR_ORIGIN_REQUEST' },
      });
      expect(outcome.detail?.['remedy']).toMatch(/\w/);
    },
  },
  {
    name: 'typed details of an error name the field',
    needs: 'unary',
    run: async ({ client }) => {
      const request = { runId: 'no spaces allowed', settings: { batchRows: 1 } };
      const outcome = await client.call(RunService.method.openRun, [request]);
      expect(outcome).toMatchObject({ code: 'invalid_argument' });
      expect(outcome.detail?.['field']).toMatch(/run_id$/);
    },
  },
  {
    name: 'resume from a cursor without gap or repeat',
    needs: 'server_streaming',
    run: async ({ client, playedGroupId }) => {
      const watch = async (afterSequence: string, cancelAfter?: number) => {
        const request = { afterSequence, groupIds: [playedGroupId], untilFinished: true };
        const options = cancelAfter === undefined ? {} : { cancelAfter };
        const call = client.call(EnvironmentService.method.watchRollouts, [request], options);
        const { responses } = await call;
        return responses.map((response) => (response as JsonObject)['event'] as JsonObject);
      };
      const all = await watch('0');
      expect(all.filter((event) => 'finished' in event)).toHaveLength(2);
      const first = (await watch('0', 2)).slice(0, 2);
      const rest = await watch(String(first.at(-1)?.['sequence']));
      expect([...first, ...rest]).toEqual(all);
    },
  },
  {
    name: 'a cursor that is too old is told the oldest one',
    needs: 'server_streaming',
    run: async ({ client }) => {
      const request = { afterSequence: '1' };
      const outcome = await client.call(EnvironmentService.method.watchRollouts, [request], {
        timeoutMs: 5_000,
      });
      expect(outcome).toMatchObject({ code: 'out_of_range', responses: [] });
      const metadata = outcome.detail?.['metadata'] as JsonObject;
      expect(Number(metadata['oldest_sequence'])).toBeGreaterThan(2);
    },
  },
  {
    name: 'a group over 4 MB: submitted in chunks',
    needs: 'bidi_streaming',
    run: async ({ client, setUp, id }) => {
      await openRun(setUp, id);
      const group = largeGroup(id);
      const requests = [{ open: { runId: id } }, ...group.frames];
      const { responses } = ok(await client.call(WorkService.method.submitGroups, requests));
      expect(responses.at(-1)).toMatchObject({ ack: { groups: '1' } });
      const read = await setUp.call(RunService.method.getGroup, [{ runId: id, groupId: 'large' }]);
      expect(digestOf(read.responses)).toBe(group.bytesDigest);
    },
  },
  {
    name: 'a group over 4 MB: pulled as a batch, with the bytes that were submitted',
    needs: 'server_streaming',
    run: async ({ client, setUp, id }) => {
      await openRun(setUp, id);
      const group = largeGroup(id);
      const requests = [{ open: { runId: id } }, ...group.frames];
      ok(await setUp.call(WorkService.method.submitGroups, requests));
      const consumer = { runId: id, consumerId: 'trainer' };
      ok(await client.call(BatchService.method.registerConsumer, [consumer]));
      const { responses } = ok(await client.call(BatchService.method.nextBatch, [consumer]));
      expect(responses.at(-1)).toEqual({ end: {} });
      const chunks = responses.map((response) => (response as JsonObject)['chunk'] as JsonObject);
      expect(digestOf(chunks.filter(Boolean))).toBe(group.rowsDigest);
      const { batchId } = at(responses, 0)['manifest'] as JsonObject;
      const ack = { ...consumer, batchId: batchId ?? '' };
      const acked = ok(await client.call(BatchService.method.ackBatch, [ack]));
      expect(acked.responses).toEqual([{ complete: true, step: '1' }]);
    },
  },
  {
    name: 'a late ack of an older delivery is refused, and a consumer that was taken out is told',
    needs: 'server_streaming',
    run: async ({ client, setUp, id }) => {
      await openRun(setUp, id);
      await submit(setUp, id, ['a']);
      const consumer = { runId: id, consumerId: 'trainer' };
      ok(await client.call(BatchService.method.registerConsumer, [consumer]));
      const next = async () => {
        const { responses } = ok(await client.call(BatchService.method.nextBatch, [consumer]));
        const { batchId = '', delivery = 0 } = at(responses, 0)['manifest'] as JsonObject;
        return { ...consumer, batchId, delivery };
      };
      const first = await next();
      ok(await client.call(BatchService.method.nackBatch, [{ ...first, reason: 'restarted' }]));
      const second = await next();
      expect([first['delivery'], second['delivery']]).toEqual([1, 2]);
      const late = await client.call(BatchService.method.ackBatch, [first]);
      expect(late).toMatchObject({
        code: 'aborted',
        detail: { reason: 'STALE_LEASE', metadata: { delivery: '2', holder: 'trainer' } },
      });
      const out = await client.call(BatchService.method.unregisterConsumer, [consumer]);
      expect(ok(out).responses).toEqual([{ existed: true, releasedBatches: '1' }]);
      const told = await client.call(BatchService.method.ackBatch, [second]);
      expect(told).toMatchObject({
        code: 'failed_precondition',
        detail: { reason: 'CONSUMER_UNREGISTERED', field: 'consumer_id' },
      });
      const again = { ...consumer, rejoin: true };
      ok(await client.call(BatchService.method.registerConsumer, [again]));
      expect(await next()).toMatchObject({ delivery: 3 });
    },
  },
  {
    name: 'bad token',
    needs: 'unary',
    run: async ({ withToken }) => {
      await using stranger = await withToken('not-a-token-of-this-server');
      const outcome = await stranger.call(ServerService.method.getServerInfo, [{}]);
      expect(outcome).toMatchObject({ code: 'unauthenticated' });
      expect(outcome.detail?.['remedy']).toMatch(/token/);
    },
  },
  {
    name: 'good token, wrong plane',
    needs: 'unary',
    run: async ({ withToken, workerToken }) => {
      await using worker = await withToken(workerToken);
      ok(await worker.call(ServerService.method.getServerInfo, [{}]));
      const outcome = await worker.call(RunService.method.listRuns, [{}]);
      expect(outcome).toMatchObject({ code: 'permission_denied' });
    },
  },
];

/** 4.5 MB in two rows: more than one message of a stock client may hold. */
function largeGroup(runId: string) {
  const group = syntheticGroup({ runId, groupId: 'large', rollouts: 2, sampledTokens: 280_000 });
  expect(group.bytes).toBeGreaterThan(4 * 1_048_576);
  return group;
}

async function openRun(client: ContractClient, runId: string): Promise<void> {
  const request = { runId, settings: { batchGroups: 1 } };
  ok(await client.call(RunService.method.openRun, [request]));
}

async function submit(client: ContractClient, runId: string, ids: readonly string[]) {
  const groups = ids.flatMap((groupId) => syntheticGroup({ runId, groupId }).frames);
  ok(await client.call(WorkService.method.submitGroups, [{ open: { runId } }, ...groups]));
}

function ok(outcome: CallOutcome): CallOutcome {
  expect(outcome).toMatchObject({ code: 'ok' });
  return outcome;
}

function at(responses: readonly JsonValue[], index: number): JsonObject {
  return responses[index] as JsonObject;
}

/** SHA-256 (base64) over the data of all chunks, in the order they came. */
function digestOf(responses: readonly JsonValue[]): string {
  const hash = createHash('sha256');
  for (const response of responses) {
    const chunk = (response as JsonObject)['chunk'] as JsonObject | undefined;
    if (chunk !== undefined) hash.update(Buffer.from(String(chunk['data']), 'base64'));
  }
  return hash.digest('base64');
}
