import { hash } from 'node:crypto';
import { LachesisError } from '../../errors.ts';
import { isJsonObject } from '../../messages.ts';
import { listSlices } from './json-slices.ts';
import { list, model } from './lax-values.ts';
import { assertParts, parseBody } from './request-body.ts';
import { readScoredData, type ScoredData } from './scored-data.ts';

/** `/scored_data` takes one group, `/scored_data_list` several. */
export type PushShape = 'one' | 'list';

export interface PushLimits {
  readonly maxBodyParts: number;
  readonly maxPushSequences: number;
}

/** What a push says. */
export interface ReadPush {
  /** Of the body's text: the same body has the same. */
  readonly digest: string;
  readonly groups: readonly ScoredData[];
}

/** Reads a push from its body. Nothing of it is taken when one of its groups is wrong. */
export function readPush(
  bytes: Uint8Array | undefined,
  shape: PushShape,
  limits: PushLimits,
): ReadPush {
  assertParts(bytes, limits.maxBodyParts);
  const { value, text } = parseBody(bytes);
  const groups = shape === 'one' ? [value] : list(value, []);
  assertSequences(groups, limits.maxPushSequences);
  return {
    digest: hash('sha256', text, 'hex').slice(0, 32),
    groups: shape === 'one' ? [readScoredData(model(value, []), () => text)] : each(groups, text),
  };
}

function each(groups: readonly unknown[], text: string): readonly ScoredData[] {
  let slices: readonly string[] | undefined;
  const sliceOf = (at: number): string => {
    slices ??= listSlices(text);
    return slices[at] ?? '{}';
  };
  return groups.map((group, at) => readScoredData(model(group, [at]), () => sliceOf(at), [at]));
}

/** Each sequence becomes objects of some hundred bytes, before anything else can be said of it. */
function assertSequences(groups: readonly unknown[], most: number): void {
  let sequences = 0;
  for (const group of groups) {
    const tokens = isJsonObject(group) ? group['tokens'] : undefined;
    sequences += Array.isArray(tokens) ? tokens.length : 1;
  }
  if (sequences <= most) return;
  const detail = `The body has ${sequences} sequences; at most ${most} are taken at once.`;
  throw new LachesisError('invalid_input', detail, {
    reason: 'BODY_TOO_LARGE',
    remedy: 'Send fewer groups at once.',
    field: 'body',
  });
}
