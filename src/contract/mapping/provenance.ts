import { create } from '@bufbuild/protobuf';
import {
  type Provenance as ProvenanceProto,
  ProvenanceSchema,
  type SandboxUse as SandboxUseProto,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { Provenance, SandboxUse } from '../rollout.ts';
import { samplingFromProto, samplingToProto } from './sampling.ts';
import { renderingFromProto, renderingToProto } from './tokens.ts';

export function provenanceToProto(provenance: Provenance): ProvenanceProto {
  return create(ProvenanceSchema, {
    ...provenance,
    sampling: samplingToProto(provenance.sampling),
    rendering: renderingToProto(provenance.rendering),
  });
}

/** An absent message is one with nothing known. */
export function provenanceFromProto(proto: ProvenanceProto | undefined, field: string): Provenance {
  return {
    environment: proto?.environment ?? '',
    environmentVersion: proto?.environmentVersion ?? '',
    verifierVersion: proto?.verifierVersion ?? '',
    model: proto?.model ?? '',
    sampling: samplingFromProto(proto?.sampling, `${field}.sampling`),
    rendering: renderingFromProto(proto?.rendering),
    isolation: proto?.isolation ?? '',
    workerId: proto?.workerId ?? '',
    logprobMode: logprobMode(proto?.logprobMode ?? '', `${field}.logprob_mode`),
    ...(proto?.sandbox === undefined ? {} : { sandbox: sandboxFromProto(proto.sandbox) }),
  };
}

function sandboxFromProto({ backend, id, earlierUses }: SandboxUseProto): SandboxUse {
  return { backend, id, earlierUses };
}

function logprobMode(value: string, field: string): Provenance['logprobMode'] {
  switch (value) {
    case 'raw':
    case 'processed':
    case 'unknown':
    case '':
      return value;
    default:
      throw invalidInput(field, `is \`${value}\`; use raw, processed, unknown or nothing.`);
  }
}
