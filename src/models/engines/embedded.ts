import { type EmbeddedPolicy, fingerprintHex } from '../../policy/index.ts';
import type { Engine } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import { engineError } from './engine-errors.ts';

/** The embedded policy as an engine, in this process. Closing the engine leaves the policy to its owner. */
export function createEmbeddedEngine(policy: EmbeddedPolicy): Engine {
  return {
    capabilities: {
      tier: 'exact',
      stopTokenKept: true,
      promptVerbatim: true,
      logprobMode: 'processed',
      canScore: true,
      canScoreTopK: false,
      versions: 'per_call',
    },
    tokenize: async (text) => policy.tokenizer.encode(text, { allowSpecial: true }),
    async describe() {
      const description = policy.describe();
      return {
        model: description.name,
        vocabularySize: description.vocabularySize,
        contextLength: description.contextTokens,
        rendering: {
          tokenizerSha256: fingerprintHex(description.tokenizerFingerprint),
          templateSha256: fingerprintHex(description.templateFingerprint),
        },
        logprobMode: 'processed',
        policyVersion: description.version,
      };
    },
    async generate({ promptTokenIds, sampling, pinnedVersion }, { signal }) {
      if (sampling.stop !== undefined && sampling.stop.length > 0) {
        throw modelError('The embedded policy knows no stop strings.', {
          reason: 'UNSUPPORTED_SAMPLING',
          remedy: 'Use stopTokenIds.',
        });
      }
      try {
        const generation = await policy.generate(
          {
            promptIds: promptTokenIds,
            logprobMode: 'processed',
            ...(sampling.maxTokens !== undefined && { maxTokens: sampling.maxTokens }),
            ...(sampling.temperature !== undefined && { temperature: sampling.temperature }),
            ...(sampling.topP !== undefined && { topP: sampling.topP }),
            ...(sampling.topK !== undefined && { topK: sampling.topK }),
            ...(sampling.seed !== undefined && { seed: sampling.seed }),
            ...(sampling.stopTokenIds !== undefined && { stopTokenIds: sampling.stopTokenIds }),
            ...(pinnedVersion !== undefined && { version: pinnedVersion }),
          },
          { signal },
        );
        const { ids, logprobs, finishReason, version } = generation;
        const versions = ids.length > 0 ? [{ length: ids.length, version }] : [];
        return {
          tokenIds: ids,
          logprobs,
          finish: finishReason,
          versions,
          prompt: { tokens: promptTokenIds.length },
        };
      } catch (thrown) {
        throw engineError(thrown);
      }
    },
    async score(tokenIds, { signal, temperature = 1 }) {
      try {
        const { logprobs } = await policy.score(tokenIds, { temperature, signal });
        return logprobs.subarray(1);
      } catch (thrown) {
        signal.throwIfAborted();
        throw engineError(thrown);
      }
    },
    async close() {},
  };
}
