import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type EvaluateRequest,
  type EvaluateResponse,
  EvaluateResponseSchema,
  type EvaluationSummarySchema,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import { Outbox } from '../async/index.ts';
import {
  errorDetailToProto,
  ledgerToProto,
  limitsFromProto,
  samplingFromProto,
  samplingToProto,
  stopReasonToProto,
} from '../contract/index.ts';
import {
  type EvaluationStep,
  type EvaluationSummary,
  evaluate,
  MAX_EVALUATION_ATTEMPTS,
} from '../environment/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { type CallEnd, callerScope } from './caller-end.ts';
import { type HostedEnvironments, isolationOf } from './hosted.ts';
import type { Rollouts } from './rollouts.ts';

export interface EvaluateStreamOptions extends CallEnd {
  readonly environments: HostedEnvironments;
  readonly rollouts: Rollouts;
  readonly heartbeatMs: number;
}

const MAX_CONCURRENCY = 1_024;

/** Plays a selection of tasks and answers with each rollout as it ends, then the figures of all. */
export async function* evaluateStream(
  request: EvaluateRequest,
  options: EvaluateStreamOptions,
): AsyncGenerator<EvaluateResponse> {
  const { environments, rollouts, heartbeatMs, signal } = options;
  const served = environments.get(request.environment);
  const { attempts, maxTasks } = request;
  if (attempts < 0 || attempts > MAX_EVALUATION_ATTEMPTS) {
    throw invalidInput('attempts', `is ${attempts}; use 1 to ${MAX_EVALUATION_ATTEMPTS}.`, {
      remedy: "0 is the environment's own.",
    });
  }
  if (request.concurrency < 0 || request.concurrency > MAX_CONCURRENCY) {
    throw invalidInput('concurrency', `is ${request.concurrency}; use 1 to ${MAX_CONCURRENCY}.`);
  }
  if (maxTasks !== undefined && maxTasks < 0n) throw invalidInput('max_tasks', 'is negative.');
  using scope = callerScope(options);
  const steps = evaluate({
    id: `evaluation-${randomUUID()}`,
    environment: served.environment,
    modelServer: served.modelServer,
    isolation: isolationOf(served),
    ...(request.split !== undefined && { split: request.split }),
    ...(maxTasks !== undefined && { maxTasks: Number(maxTasks) }),
    ...(attempts > 0 && { attempts }),
    sampling: samplingFromProto(request.sampling, 'sampling'),
    limits: limitsFromProto(request.limits, 'limits'),
    ...(request.concurrency > 0 && { concurrency: request.concurrency }),
    ...(request.solvedAt !== undefined && { solvedAt: request.solvedAt }),
    onProgress: (event) => rollouts.progress(event, ''),
    rolloutSignal: (rolloutId) => rollouts.signalOf({ runId: '', rolloutId }),
    signal: scope.signal,
  });
  yield* withHeartbeats(steps, heartbeatMs, signal);
}

/** Takes a step only when the last one was sent, so that a slow reader slows the evaluation down. */
async function* withHeartbeats(
  steps: AsyncGenerator<EvaluationStep>,
  heartbeatMs: number,
  signal: AbortSignal,
): AsyncGenerator<EvaluateResponse> {
  try {
    for (;;) {
      const outbox = new Outbox<EvaluateResponse>();
      let done = false;
      steps.next().then(
        (next) => {
          done = next.done === true;
          if (next.done !== true) outbox.push(responseOf(next.value));
          outbox.end();
        },
        (error: unknown) => outbox.fail(error),
      );
      yield* outbox.drain({ signal, idle: { everyMs: heartbeatMs, value: heartbeat } });
      if (done) return;
    }
  } finally {
    await steps.return(undefined);
  }
}

function heartbeat(): EvaluateResponse {
  return create(EvaluateResponseSchema, { step: { case: 'heartbeat', value: {} } });
}

function responseOf(step: EvaluationStep): EvaluateResponse {
  if (step.kind === 'sample') {
    const { taskKey, attempt, rollout } = step;
    const { outcome } = rollout;
    const value = {
      taskKey,
      attempt,
      rolloutId: rollout.id,
      stopReason: stopReasonToProto(rollout.result.stopReason),
      ...(outcome.kind === 'scored'
        ? { reward: outcome.reward }
        : {
            error: errorDetailToProto(
              new LachesisError(outcome.failure.kind, outcome.failure.message, {
                reason: outcome.failure.reason,
              }),
            ),
          }),
    };
    return create(EvaluateResponseSchema, { step: { case: 'sample', value } });
  }
  return create(EvaluateResponseSchema, {
    step: { case: 'summary', value: summaryOf(step.summary) },
  });
}

function summaryOf(summary: EvaluationSummary): MessageInitShape<typeof EvaluationSummarySchema> {
  const { tasks, scored, notScored, meanReward, passAtK, ledger, conditions } = summary;
  return {
    tasks: BigInt(tasks),
    scored: BigInt(scored),
    notScored: BigInt(notScored),
    ...(meanReward !== undefined && { meanReward }),
    passAtK: passAtK.map((each) => ({ ...each, tasks: BigInt(each.tasks) })),
    ledger: ledgerToProto(ledger),
    metrics: summary.metrics.map((each) => ({ ...each, count: BigInt(each.count) })),
    components: summary.components.map((each) => ({ ...each, count: BigInt(each.count) })),
    namesLeftOut: summary.namesLeftOut,
    ...conditions,
    maxTasks: BigInt(conditions.maxTasks),
    sampling: samplingToProto(conditions.sampling),
  };
}
