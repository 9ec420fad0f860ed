import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import type { SamplingParametersSchema } from '../../../gen/lachesis/v1/content_pb.ts';
import {
  type DescribeResponse,
  type GenerateResponse,
  PolicyService,
} from '../../../gen/lachesis/v1/policy_service_pb.ts';
import type { LachesisError } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import {
  createGrpcTransport,
  createRpcClient,
  type GrpcTransportOptions,
} from '../../transport/index.ts';
import { concatBytes, decodeFloat32, decodeInt32, encodeInt32 } from '../../wire/index.ts';
import type { Engine, EngineFinish, EngineGeneration } from '../engine.ts';
import { unreachable } from '../model-errors.ts';
import { engineError } from './engine-errors.ts';

export type PolicyServiceEngineOptions =
  /** A transport that someone else owns; closing the engine leaves it open. */
  | { readonly transport: Transport }
  /** A channel of the engine's own. */
  | Pick<GrpcTransportOptions, 'baseUrl' | 'tls' | 'token'>;

export interface PolicyServiceEngine extends Engine {
  /** What the service says of itself; `rendererFor` builds a renderer from it. */
  describePolicy(options?: { readonly signal?: AbortSignal }): Promise<DescribeResponse>;
}

/**
 * Any `lachesis.v1.PolicyService` as an engine. An abort cancels the call; what had arrived by then is
 * the result. Nothing is retried.
 */
export function createPolicyServiceEngine(
  options: PolicyServiceEngineOptions,
): PolicyServiceEngine {
  const owned = 'transport' in options ? undefined : createGrpcTransport(options);
  const transport = 'transport' in options ? options.transport : owned!;
  const client = createRpcClient(PolicyService, transport);

  async function describePolicy({ signal }: { readonly signal?: AbortSignal } = {}) {
    try {
      return await client.describe({}, signal === undefined ? {} : { signal });
    } catch (thrown) {
      signal?.throwIfAborted();
      throw engineError(thrown);
    }
  }

  return {
    describePolicy,
    async describe(call) {
      const policy = await describePolicy(call);
      return {
        model: policy.model,
        vocabularySize: policy.vocabularySize,
        contextLength: policy.contextLength > 0 ? policy.contextLength : undefined,
        rendering: {
          tokenizerSha256: policy.rendering?.tokenizerSha256 ?? '',
          templateSha256: policy.rendering?.templateSha256 ?? '',
        },
        logprobMode: policy.logprobModes.includes('processed') ? 'processed' : 'unknown',
        policyVersion: Number(policy.policyVersion),
      };
    },
    async generate({ requestId, promptTokenIds, sampling, pinnedVersion }, { signal }) {
      const pieces: GenerateResponse[] = [];
      try {
        const stream = client.generate(
          {
            requestId,
            promptTokenIds: encodeInt32(promptTokenIds),
            sampling: wireSampling(sampling),
            logprobMode: 'processed',
            ...(pinnedVersion !== undefined && { pinnedVersion: BigInt(pinnedVersion) }),
          },
          { signal },
        );
        for await (const piece of stream) pieces.push(piece);
      } catch (thrown) {
        // What was sampled is kept: the call ended because we ended it.
        if (signal.aborted) return joined(pieces, 'abort');
        const failure = engineError(thrown);
        if (pieces.length === 0) throw failure;
        return { ...joined(pieces, 'abort'), failure };
      }
      const word = pieces.at(-1)?.finishReason;
      if (word === 'stop' || word === 'length' || word === 'abort') return joined(pieces, word);
      return { ...joined(pieces, 'abort'), failure: incomplete(word) };
    },
    async score(tokenIds, { signal, temperature }) {
      try {
        const request = {
          tokenIds: encodeInt32(tokenIds),
          ...(temperature !== undefined && { temperature }),
        };
        const { logprobs } = await client.score(request, { signal });
        return decodeFloat32(logprobs, 'logprobs');
      } catch (thrown) {
        signal.throwIfAborted();
        throw engineError(thrown);
      }
    },
    async close() {
      await owned?.[Symbol.asyncDispose]();
    },
  };
}

function incomplete(word: string | undefined): LachesisError {
  return unreachable(
    `The policy service's stream ended ${word ? `with "${word}"` : 'without a finish reason'}.`,
    { reason: 'GENERATION_INCOMPLETE', remedy: 'The last piece says stop, length or abort.' },
  );
}

function joined(pieces: readonly GenerateResponse[], finish: EngineFinish): EngineGeneration {
  const tokenIds = decodeInt32(concatBytes(pieces.map((piece) => piece.tokenIds)), 'token_ids');
  const bytes = concatBytes(pieces.map((piece) => piece.logprobs));
  const versions: { length: number; version: number }[] = [];
  for (const piece of pieces) {
    const length = piece.tokenIds.length / 4;
    const version = Number(piece.policyVersion);
    const last = versions.at(-1);
    if (last?.version === version) last.length += length;
    else if (length > 0) versions.push({ length, version });
  }
  return {
    tokenIds,
    // Some pieces with and some without logprobs disagree in length, which the session refuses.
    logprobs: bytes.length > 0 ? decodeFloat32(bytes, 'logprobs') : undefined,
    finish,
    versions,
  };
}

function wireSampling(
  sampling: SamplingParameters,
): MessageInitShape<typeof SamplingParametersSchema> {
  const { temperature, topP, topK, maxTokens, stopTokenIds, stop, seed, extra } = sampling;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(maxTokens !== undefined && { maxTokens }),
    stopTokenIds: [...(stopTokenIds ?? [])],
    stop: [...(stop ?? [])],
    ...(seed !== undefined && { seed: BigInt(seed) }),
    extraJson: extra === undefined ? '' : JSON.stringify(extra),
  };
}
