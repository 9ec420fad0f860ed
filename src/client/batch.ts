import type { BatchManifest } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { type GroupHeader, type GroupPart, GroupPartKind } from '../../gen/lachesis/v1/group_pb.ts';
import {
  batchRowsFromProto,
  decodePart,
  decodeRollout,
  decodeRow,
  msFromDuration,
  type Rollout,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { Row, Span, VersionRun } from '../tokens/index.ts';
import { batchDigest, sameDigest } from '../wire/index.ts';
import type { CallOptions } from './call-options.ts';
import type { PartsReceiver } from './parts-receiver.ts';

/** What of a batch a rank received, before anything of it is decoded. */
export interface ReceivedBatch {
  readonly manifest: BatchManifest;
  readonly groups: readonly PartsReceiver[];
  readonly rank: number;
}

/** A row of a batch. Decoded at first use; its columns are views of the received bytes where aligned. */
export class BatchRow {
  /** Into the batch's groups. */
  readonly groupIndex: number;
  /** Into the group header's rollouts. */
  readonly rolloutIndex: number;
  readonly groupId: string;
  readonly rolloutId: string;
  /** Of its rollout; undefined when that was not scored (its tokens are masked then). */
  readonly reward: number | undefined;
  /** Of its rollout's turns, by the `messageIndex` of their spans; empty where the environment does not say. */
  readonly turnRewards: ReadonlyMap<number, number>;
  readonly tokens: number;
  readonly sampledTokens: number;
  readonly trainedTokens: number;
  readonly #decode: () => Row;
  #row: Row | undefined;

  constructor(groupIndex: number, header: GroupHeader, part: GroupPart, decode: () => Row) {
    const summary = header.rollouts[part.rolloutIndex];
    this.groupIndex = groupIndex;
    this.rolloutIndex = part.rolloutIndex;
    this.groupId = header.groupId;
    this.rolloutId = summary?.rolloutId ?? '';
    this.reward = summary?.reward;
    this.turnRewards = new Map(
      summary?.turnRewards.map(({ messageIndex, value }) => [messageIndex, value]),
    );
    this.tokens = part.tokens;
    this.sampledTokens = part.sampledTokens;
    this.trainedTokens = part.trainedTokens;
    this.#decode = decode;
  }

  /** The whole row. */
  get row(): Row {
    this.#row ??= this.#decode();
    return this.#row;
  }

  get tokenIds(): Int32Array {
    return this.row.tokenIds;
  }

  /** One per sampled token, or undefined: the engine gave none. */
  get logprobs(): Float32Array | undefined {
    return this.row.logprobs;
  }

  get spans(): readonly Span[] {
    return this.row.spans;
  }

  get policyVersions(): readonly VersionRun[] {
    return this.row.policyVersions;
  }

  /** 1 for every token in the loss, 0 for the others; one per token. */
  trainedMask(): Uint8Array {
    return maskOf(this.row.spans, this.tokens, (span) => span.loss === 'trained');
  }

  /**
   * Each turn's reward on the last token of it that is in the loss, 0 elsewhere; one per token. Over the
   * rows of a rollout a turn's reward stands once, since a token is trained once. Turns are the main
   * agent's: rows of other agents have 0.
   */
  turnRewardColumn(): Float32Array {
    const column = new Float32Array(this.tokens);
    if (this.row.agent !== '') return column;
    const lastAt = new Map<number, number>();
    let at = 0;
    for (const span of this.row.spans) {
      at += span.length;
      if (span.loss === 'trained' && span.messageIndex !== undefined) {
        lastAt.set(span.messageIndex, at - 1);
      }
    }
    for (const [messageIndex, place] of lastAt) {
      column[place] = this.turnRewards.get(messageIndex) ?? 0;
    }
    return column;
  }

  /** 1 for every sampled token: where the logprobs belong. */
  sampledMask(): Uint8Array {
    return maskOf(this.row.spans, this.tokens, (span) => span.origin === 'sampled');
  }
}

function maskOf(
  spans: readonly Span[],
  length: number,
  holds: (span: Span) => boolean,
): Uint8Array {
  const mask = new Uint8Array(length);
  let at = 0;
  for (const span of spans) {
    if (holds(span)) mask.fill(1, at, at + span.length);
    at += span.length;
  }
  return mask;
}

/** Where a batch goes back to. */
export interface BatchLease {
  ack(options?: CallOptions): Promise<{ readonly complete: boolean; readonly step: number }>;
  nack(reason: string, options?: CallOptions): Promise<void>;
  extend(options?: CallOptions): Promise<{ readonly leaseMs: number }>;
}

/** A batch as one rank has it: immutable, whole, its digest verified. Give it back with `ack` or `nack`. */
export class Batch {
  readonly id: string;
  /** From 1. */
  readonly step: number;
  /** The run's when the batch was cut. */
  readonly policyVersion: number;
  /** 1 the first time; more when it was handed out before. */
  readonly delivery: number;
  readonly leaseMs: number;
  readonly digest: Uint8Array;
  /** Headers of its groups: rewards, ledgers and tool counters of every rollout. */
  readonly groups: readonly GroupHeader[];
  /** This rank's rows, in order. */
  readonly rows: readonly BatchRow[];
  readonly #received: ReceivedBatch;
  readonly #lease: BatchLease;

  /** Throws `infrastructure_error` when the bytes do not fit the digests. */
  constructor(received: ReceivedBatch, lease: BatchLease) {
    const { manifest, rank, groups } = received;
    assertIntact(received);
    this.id = manifest.batchId;
    this.step = Number(manifest.step);
    this.policyVersion = Number(manifest.policyVersion);
    this.delivery = manifest.delivery;
    this.leaseMs = msFromDuration(manifest.leaseDuration);
    this.digest = manifest.digest;
    this.groups = manifest.groups;
    this.rows = manifest.rows
      .filter((row) => row.rank === rank)
      .map(({ groupIndex, partIndex }) => rowOf(groups, groupIndex, partIndex));
    this.#received = received;
    this.#lease = lease;
  }

  /** A rollout's transcript and result; undefined unless the batch was asked for with `includeRollouts`. */
  rollout(groupIndex: number, rolloutIndex: number): Rollout | undefined {
    const group = this.#received.groups[groupIndex];
    const partIndex = group?.header.parts.findIndex(
      (part) => part.kind === GroupPartKind.ROLLOUT && part.rolloutIndex === rolloutIndex,
    );
    if (group === undefined || partIndex === undefined || partIndex < 0) return undefined;
    const bytes = group.part(partIndex);
    const part = group.header.parts[partIndex];
    if (bytes === undefined || part === undefined) return undefined;
    return decodeRollout(decodePart(part, bytes, `parts[${partIndex}]`));
  }

  /** This rank is done with it. */
  ack(options?: CallOptions): Promise<{ readonly complete: boolean; readonly step: number }> {
    return this.#lease.ack(options);
  }

  /** Gives it back; it is handed out again, identical. */
  nack(reason: string, options?: CallOptions): Promise<void> {
    return this.#lease.nack(reason, options);
  }

  /** Keeps its lease; a consumer does so by itself unless told not to. */
  extend(options?: CallOptions): Promise<{ readonly leaseMs: number }> {
    return this.#lease.extend(options);
  }
}

function rowOf(groups: readonly PartsReceiver[], groupIndex: number, partIndex: number): BatchRow {
  const group = groups[groupIndex];
  const part = group?.header.parts[partIndex];
  const bytes = group?.part(partIndex);
  if (group === undefined || part === undefined || bytes === undefined) {
    throw damaged(`row ${groupIndex}/${partIndex} did not come.`);
  }
  const field = `groups[${groupIndex}].parts[${partIndex}]`;
  const decode = (): Row => decodeRow(decodePart(part, bytes, field), field);
  return new BatchRow(groupIndex, group.header, part, decode);
}

/** The manifest fits its digest, and so does every part that came. */
function assertIntact({ manifest, groups }: ReceivedBatch): void {
  const digest = batchDigest(
    manifest.groups.map((group) => group.digest),
    batchRowsFromProto(manifest),
  );
  if (!sameDigest(digest, manifest.digest)) {
    throw damaged(`batch ${manifest.batchId} does not fit its digest.`);
  }
  for (const group of groups) group.assertIntact();
}

function damaged(message: string): LachesisError {
  return new LachesisError('infrastructure_error', message, {
    reason: 'BATCH_DAMAGED',
    remedy: 'Give the batch back with nack; it is handed out again.',
  });
}
