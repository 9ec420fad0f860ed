import { create } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { TrainingPolicy } from '../../gen/lachesis/v1/group_pb.ts';
import {
  GetServerInfoResponseSchema,
  ServerService,
} from '../../gen/lachesis/v1/server_service_pb.ts';
import { Codec } from '../../gen/lachesis/v1/tokens_pb.ts';
import { WIRE_LIMITS } from '../wire/index.ts';

/** What GetServerInfo says; the same for the whole life of a server. */
export interface ServerFacts {
  readonly version: string;
  readonly instanceId: string;
  /** Full names. */
  readonly services: readonly string[];
  /** `lachesis.v1.Service/Method`. */
  readonly unimplementedMethods: readonly string[];
  readonly features: readonly string[];
  /** The weakest isolation of its environments' tools. */
  readonly isolation: string;
  readonly maxGroupBytes: number;
  readonly eventHistory: number;
}

/** Serves `ServerService`. */
export function serverInfoService(router: ConnectRouter, facts: ServerFacts): void {
  const info = create(GetServerInfoResponseSchema, {
    version: facts.version,
    services: [...facts.services],
    unimplementedMethods: [...facts.unimplementedMethods],
    features: [...facts.features],
    limits: {
      maxRequestMessageBytes: BigInt(WIRE_LIMITS.maxRequestMessageBytes),
      maxResponseMessageBytes: BigInt(WIRE_LIMITS.maxResponseMessageBytes),
      maxChunkBytes: BigInt(WIRE_LIMITS.maxChunkBytes),
      maxGroupBytes: BigInt(facts.maxGroupBytes),
      maxGroupHeaderBytes: BigInt(WIRE_LIMITS.maxGroupHeaderBytes),
      eventHistory: BigInt(facts.eventHistory),
    },
    isolation: facts.isolation,
    codecs: [Codec.RAW, Codec.ZSTD],
    trainingPolicies: [
      TrainingPolicy.STRICT,
      TrainingPolicy.REALIGN,
      TrainingPolicy.FORK,
      TrainingPolicy.MASK,
    ],
    instanceId: facts.instanceId,
  });
  router.service(ServerService, { getServerInfo: () => info });
}
