// Bytes per token of a group on the wire, and the time to encode and decode it, beside `repeated`
// fields and JSON: 8 rollouts of 2,048 tokens, 512 of them prompt, float32 logprobs.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { GroupHeaderSchema } from '../gen/lachesis/v1/group_pb.ts';
import { decodeRow, encodeGroup, NO_RUN_POLICY } from '../src/contract/index.ts';
import { repeatedGroup, repeatedGroupSchema } from './support/repeated-group.ts';
import { medianMs, report, round } from './support/report.ts';
import { sampleGroup } from './support/sample-group.ts';

const shape = { rollouts: 8, tokens: 2_048, promptTokens: 512 };
const group = sampleGroup({ id: 'group', runId: 'run', ...shape });
const totalTokens = shape.rollouts * shape.tokens;

const encode = () => {
  const result = encodeGroup(group, { policy: NO_RUN_POLICY });
  if (result.kind !== 'kept') throw new Error('the sample group was dropped');
  return result.encoded;
};
const encoded = encode();
const rowParts = encoded.parts.filter((_, i) => (encoded.header.parts[i]?.tokens ?? 0) > 0);
const rowBytes = rowParts.reduce((sum, part) => sum + part.length, 0);
const sumOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);

// As the others have it: plain lists, one entry per token.
const rows = group.rollouts.map(({ segments }) => {
  const segment = segments[0];
  if (segment?.logprobs === undefined) throw new Error('the sample rollout has no logprobs');
  const prompt = segment.tokenIds.length - segment.logprobs.length;
  return {
    ids: [...segment.tokenIds],
    logprobs: [...new Array<number>(prompt).fill(0), ...segment.logprobs],
    mask: Array.from(segment.tokenIds, (_, i) => i >= prompt),
  };
});
const schema = repeatedGroupSchema();
const repeated = repeatedGroup(schema, rows);
const repeatedBytes = toBinary(schema, repeated);
const json = JSON.stringify({ rows });

const rounds = 31;
const ours = {
  encodeMs: medianMs(rounds, () => void encode()),
  decodeMs: medianMs(rounds, () => {
    fromBinary(GroupHeaderSchema, encoded.headerBytes);
    for (const part of rowParts) decodeRow(part);
  }),
};
const theirs = {
  encodeMs: medianMs(rounds, () => void toBinary(schema, repeated)),
  decodeMs: medianMs(rounds, () => void fromBinary(schema, repeatedBytes)),
};
const plain = {
  encodeMs: medianMs(rounds, () => void JSON.stringify({ rows })),
  decodeMs: medianMs(rounds, () => void JSON.parse(json)),
};

report('wire', {
  group: shape,
  bytesPerToken: {
    ours: round((encoded.headerBytes.length + rowBytes) / totalTokens, 3),
    oursWithTranscripts: round(
      (encoded.headerBytes.length + sumOf(encoded.parts)) / totalTokens,
      3,
    ),
    repeatedFields: round(repeatedBytes.length / totalTokens, 3),
    json: round(json.length / totalTokens, 3),
  },
  milliseconds: {
    ours: { encode: round(ours.encodeMs, 3), decode: round(ours.decodeMs, 3) },
    repeatedFields: { encode: round(theirs.encodeMs, 3), decode: round(theirs.decodeMs, 3) },
    json: { encode: round(plain.encodeMs, 3), decode: round(plain.decodeMs, 3) },
  },
  timesFaster: {
    encodeOverRepeated: round(theirs.encodeMs / ours.encodeMs, 1),
    decodeOverRepeated: round(theirs.decodeMs / ours.decodeMs, 1),
    encodeOverJson: round(plain.encodeMs / ours.encodeMs, 1),
    decodeOverJson: round(plain.decodeMs / ours.decodeMs, 1),
  },
  note: 'Encoding includes settling the training policy, validation and a SHA-256 over the parts.',
});
