import type { UpdateMode, UpdateWeightsRequest } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { ColumnType } from '../../gen/lachesis/v1/tokens_pb.ts';
import { invalidInput } from '../errors.ts';
import type { PublishedWeights } from '../policy/index.ts';
import { ChunkAssembler, sameDigest, sha256 } from '../wire/index.ts';

/** Weights that came whole, fit the model's tensors and their digest. */
export interface ReceivedWeights {
  readonly version: number;
  readonly mode: UpdateMode;
  readonly bytes: Uint8Array;
}

/** Reads an UpdateWeights stream. Throws `invalid_input` with the field before more is read than fits. */
export async function receiveWeights(
  requests: AsyncIterable<UpdateWeightsRequest>,
  current: PublishedWeights,
): Promise<ReceivedWeights> {
  let open: Extract<UpdateWeightsRequest['frame'], { case: 'open' }>['value'] | undefined;
  const assembler = new ChunkAssembler(current.bytes.length, 'weights');
  for await (const { frame } of requests) {
    if (open === undefined) {
      if (frame.case !== 'open') throw invalidInput('open', 'must be the first frame.');
      open = frame.value;
      checkHeader(open.header, current);
      continue;
    }
    if (frame.case !== 'data') throw invalidInput('frame', 'only data may follow the first frame.');
    assembler.append(frame.value);
  }
  const header = open?.header;
  if (open === undefined || header === undefined) throw invalidInput('open', 'is missing.');
  const bytes = assembler.bytes();
  if (!sameDigest(sha256(bytes), header.digest)) {
    throw invalidInput('open.header.digest', "is not the SHA-256 of the weights' bytes.");
  }
  return { version: Number(header.policyVersion), mode: open.mode, bytes };
}

type Header = Extract<UpdateWeightsRequest['frame'], { case: 'open' }>['value']['header'];

function checkHeader(header: Header, current: PublishedWeights): void {
  if (header === undefined) throw invalidInput('open.header', 'is missing.');
  if (header.policyVersion <= BigInt(current.version)) {
    throw invalidInput(
      'open.header.policy_version',
      `is ${header.policyVersion}; it must be higher than the present ${current.version}.`,
    );
  }
  if (header.totalSize !== BigInt(current.bytes.length)) {
    const message = `is ${header.totalSize}; this model has ${current.bytes.length} bytes of weights.`;
    throw invalidInput('open.header.total_size', message);
  }
  for (const [index, expected] of current.tensors.entries()) {
    const given = header.tensors[index];
    const fits =
      given?.name === expected.name &&
      given.type === ColumnType.FLOAT32 &&
      given.shape.join() === expected.shape.join();
    if (fits) continue;
    throw invalidInput(
      `open.header.tensors[${index}]`,
      `must be ${expected.name} of shape [${expected.shape.join(', ')}] in float32.`,
    );
  }
}
