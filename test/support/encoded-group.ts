import { type EncodedGroup, encodeGroup } from '../../src/contract/index.ts';
import { hostEnvironment, playGroup } from '../../src/environment/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { sums } from './serve.ts';

/** A played and settled group of `sums`, as a worker would submit it. */
export async function encodedGroup(options: {
  readonly id: string;
  readonly runId: string;
  readonly groupSize?: number;
  readonly policyVersion?: number;
  /** That its rollouts are of. Default: 1. */
  readonly attempt?: number;
  /** Sampled tokens per rollout. Default: 1. */
  readonly tokens?: number;
  /** Default: raw. */
  readonly codec?: 'raw' | 'zstd';
}): Promise<EncodedGroup> {
  const { id, runId, groupSize = 2, policyVersion = 0, tokens = 1, codec = 'raw' } = options;
  const group = await playGroup({
    environment: await hostEnvironment(sums),
    modelServer: fakeModelServer(() => ({ text: '4'.repeat(tokens) })),
    groupId: id,
    runId,
    task: { key: 'sum-2', split: 'train', data: { question: '2 + 2?' } },
    groupSize,
    ...(options.attempt !== undefined && { attempt: options.attempt }),
    announcedVersion: () => policyVersion,
    signal: new AbortController().signal,
  });
  const encoding = encodeGroup(group, {
    codec,
    policy: { trainingPolicy: 'strict', failedRollouts: 'drop_rollout', maxRowTokens: 0 },
  });
  if (encoding.kind === 'dropped') throw new Error(`the group was dropped: ${encoding.reason}`);
  return encoding.encoded;
}
