import { create } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  DescribeResponseSchema,
  type GenerateResponse,
  GenerateResponseSchema,
  GetWeightsResponseSchema,
  PauseResponseSchema,
  PolicyService,
  ResumeResponseSchema,
  ScoreResponseSchema,
  UpdateMode,
  UpdateWeightsResponseSchema,
  type GenerateRequest as WireGenerateRequest,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import { ColumnType } from '../../gen/lachesis/v1/tokens_pb.ts';
import { Outbox } from '../async/index.ts';
import { samplingFromProto } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import {
  fingerprintHex,
  type GenerateRequest,
  type PauseMode,
  specialId,
  specialTokens,
} from '../policy/index.ts';
import {
  chunksOf,
  decodeInt32,
  encodeFloat32,
  encodeInt32,
  sha256,
  WIRE_LIMITS,
} from '../wire/index.ts';
import { GENERATE_FIELDS, renamed, SCORE_FIELDS, withWireFields } from './policy-fields.ts';
import { receiveWeights } from './receive-weights.ts';
import { LOSS_NAMES, type ServedPolicy } from './served-policy.ts';
import { TrainSteps } from './train-steps.ts';

/** Serves `PolicyService` over a policy. */
export function policyService(router: ConnectRouter, policy: ServedPolicy): void {
  const steps = new TrainSteps(policy);
  router.service(PolicyService, {
    describe: () => {
      const description = policy.describe();
      return create(DescribeResponseSchema, {
        model: description.name,
        policyVersion: BigInt(description.version),
        vocabularySize: description.vocabularySize,
        contextLength: description.contextTokens,
        rendering: {
          tokenizerSha256: fingerprintHex(description.tokenizerFingerprint),
          templateSha256: fingerprintHex(description.templateFingerprint),
        },
        losses: Object.keys(LOSS_NAMES),
        logprobModes: ['raw', 'processed'],
        paused: description.paused,
        trainable: description.updatesEnabled,
        chatFormat: 'chatml-hermes',
        vocabulary: Array.from({ length: description.vocabularySize }, (_, id) =>
          policy.tokenizer.bytesOf(id),
        ),
        specialTokens: Object.fromEntries(specialTokens.map((name) => [name, specialId(name)])),
      });
    },
    generate: (request, { signal }) => generate(policy, request, signal),
    score: async ({ tokenIds, temperature }, { signal }) => {
      const ids = decodeInt32(tokenIds, 'token_ids');
      if (ids.length < 2) throw invalidInput('token_ids', 'need at least 2 ids to score one.');
      const { version, logprobs } = await withWireFields(SCORE_FIELDS, () =>
        policy.score(ids, { signal, ...(temperature !== undefined && { temperature }) }),
      );
      return create(ScoreResponseSchema, {
        // The first id is given, not scored.
        logprobs: encodeFloat32(logprobs.subarray(1)),
        policyVersion: BigInt(version),
      });
    },
    trainStep: (requests, { signal }) => steps.run(requests, signal),
    getWeights: async function* () {
      const { version, tensors, bytes } = policy.getWeights();
      const header = {
        policyVersion: BigInt(version),
        tensors: tensors.map(({ name, shape }) => ({
          name,
          shape: [...shape],
          type: ColumnType.FLOAT32,
        })),
        totalSize: BigInt(bytes.length),
        digest: sha256(bytes),
      };
      yield create(GetWeightsResponseSchema, { frame: { case: 'header', value: header } });
      for (const { data } of chunksOf(bytes, WIRE_LIMITS.maxChunkBytes)) {
        yield create(GetWeightsResponseSchema, { frame: { case: 'data', value: data } });
      }
    },
    updateWeights: async (requests, { signal }) => {
      const current = policy.getWeights();
      const { version, mode, bytes } = await receiveWeights(requests, current);
      const pauseMode = pauseModeOf(mode);
      const pausedBefore = policy.describe().paused;
      if (pauseMode === 'keep') {
        await policy.updateWeights(bytes, version);
      } else {
        await policy.pause(pauseMode, { signal });
        try {
          await policy.updateWeights(bytes, version);
        } finally {
          if (!pausedBefore) policy.resume();
        }
      }
      return create(UpdateWeightsResponseSchema, { policyVersion: BigInt(policy.version) });
    },
    pause: async ({ mode }, { signal }) => {
      const pauseMode = pauseModeOf(mode);
      const { activeGenerations } = policy.describe();
      await policy.pause(pauseMode, { signal });
      const aborted = pauseMode === 'abort' ? activeGenerations : 0;
      return create(PauseResponseSchema, { aborted });
    },
    resume: () => {
      policy.resume();
      return create(ResumeResponseSchema, { policyVersion: BigInt(policy.version) });
    },
  });
}

/** The pieces as they are sampled; the last one has the finish reason and nothing else. */
async function* generate(
  policy: ServedPolicy,
  request: WireGenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateResponse> {
  const outbox = new Outbox<GenerateResponse>();
  const stopped = new AbortController();
  const generation = policy
    .generate(generateRequestOf(request), {
      signal: AbortSignal.any([signal, stopped.signal]),
      onSlice: ({ ids, logprobs, version }) =>
        outbox.push(
          create(GenerateResponseSchema, {
            tokenIds: encodeInt32(ids),
            logprobs: encodeFloat32(logprobs),
            policyVersion: BigInt(version),
          }),
        ),
    })
    .then(({ finishReason, version }) => {
      outbox.push(create(GenerateResponseSchema, { policyVersion: BigInt(version), finishReason }));
      outbox.end();
    })
    .catch((error: unknown) => outbox.fail(renamed(error, GENERATE_FIELDS)));
  try {
    yield* outbox.drain({ signal });
  } finally {
    // Also when the reader left without a cancel.
    stopped.abort();
    await generation;
  }
}

function generateRequestOf(request: WireGenerateRequest): GenerateRequest {
  const { temperature, topP, topK, maxTokens, seed, stopTokenIds, stop } = samplingFromProto(
    request.sampling,
    'sampling',
  );
  if (stop !== undefined) {
    throw invalidInput('sampling.stop', 'this policy knows no stop strings; use stop_token_ids.');
  }
  const mode = request.logprobMode;
  if (mode !== '' && mode !== 'raw' && mode !== 'processed') {
    throw invalidInput('logprob_mode', `is "${mode}"; use raw or processed.`);
  }
  return {
    promptIds: decodeInt32(request.promptTokenIds, 'prompt_token_ids'),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(seed !== undefined && { seed }),
    ...(stopTokenIds !== undefined && { stopTokenIds }),
    ...(mode !== '' && { logprobMode: mode }),
    ...(request.pinnedVersion !== undefined && { version: Number(request.pinnedVersion) }),
  };
}

function pauseModeOf(mode: UpdateMode): PauseMode {
  switch (mode) {
    case UpdateMode.UNSPECIFIED:
    case UpdateMode.DRAIN:
      return 'drain';
    case UpdateMode.ABORT:
      return 'abort';
    case UpdateMode.KEEP:
      return 'keep';
    default:
      throw invalidInput('mode', `${mode} is no mode that this server knows.`);
  }
}
