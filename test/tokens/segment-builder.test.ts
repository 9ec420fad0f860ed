import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SegmentBuilder, sampledLength, validateSequence } from '../../src/tokens/index.ts';

const rendering = { tokenizerSha256: '', templateSha256: '' };
const builder = () => new SegmentBuilder({ id: 's0', reason: 'start', rendering });

const pieces = fc.array(
  fc.record({
    sampled: fc.boolean(),
    ids: fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 40 }),
    version: fc.nat({ max: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
);

test('a segment is its pieces in order, and its columns always agree', () => {
  fc.assert(
    fc.property(pieces, (list) => {
      const segment = builder();
      list.forEach(({ sampled, ids, version }, callIndex) => {
        if (sampled) {
          segment.appendSampled(Int32Array.from(ids), new Float32Array(ids.length).fill(-1), {
            callIndex,
            announcedVersion: version,
          });
        } else segment.append(ids, { origin: 'tool' });
      });
      const built = segment.build();
      expect([...built.tokenIds]).toEqual(list.flatMap(({ ids }) => ids));
      validateSequence(built, 'segment');
      expect(sampledLength(built.spans)).toBe(
        list.reduce((sum, piece) => sum + (piece.sampled ? piece.ids.length : 0), 0),
      );
    }),
  );
});

test('what was built does not change when more is appended', () => {
  const segment = builder();
  segment.append([1, 2], { origin: 'prompt' });
  const before = segment.build();
  segment.append([3], { origin: 'prompt' });
  expect([...before.tokenIds]).toEqual([1, 2]);
  expect(before.spans).toEqual([{ length: 2, origin: 'prompt', loss: 'not_sampled' }]);
});

test('a logprob count that differs from the ids, or logprobs for some calls only, is a model error', () => {
  const segment = builder();
  const run = { callIndex: 0, announcedVersion: 0 };
  expect(() => segment.appendSampled(Int32Array.of(1, 2), Float32Array.of(-1), run)).toThrow(
    /1 logprobs for 2 sampled ids/,
  );
  segment.appendSampled(Int32Array.of(1), Float32Array.of(-1), run);
  expect(() => segment.appendSampled(Int32Array.of(1), undefined, run)).toThrow(
    /for some calls of a segment and not for others/,
  );
});

test('a prefix is copied with its logprobs and versions', () => {
  const parent = builder();
  parent.append([1, 2], { origin: 'prompt' });
  parent.appendSampled(Int32Array.of(3, 4), Float32Array.of(-0.5, -0.25), {
    callIndex: 0,
    announcedVersion: 7,
    versions: [{ length: 2, version: 6 }],
  });
  parent.append([5], { origin: 'tool' });
  const child = new SegmentBuilder({
    id: 's1',
    reason: 'branch',
    parent: { id: 's0', sharedTokens: 3 },
    rendering,
  });
  child.appendPrefixOf(parent.build(), 3);
  const built = child.build();
  expect([...built.tokenIds]).toEqual([1, 2, 3]);
  expect(built.logprobs).toEqual(Float32Array.of(-0.5));
  expect(built.policyVersions).toEqual([{ length: 1, announcedVersion: 7, reportedVersion: 6 }]);
  validateSequence(built, 'segment');
});
