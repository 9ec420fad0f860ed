import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import {
  type EnvironmentService,
  GenerationAnswer,
  type PlayRolloutRequest,
  PlayRolloutRequestSchema,
  type PlayRolloutResponse,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import { type RolloutEvent, RolloutSchema } from '../../gen/lachesis/v1/rollout_pb.ts';
import { Outbox } from '../async/index.ts';
import {
  type Assignment,
  assignmentToProto,
  messagesFromProto,
  messageToProto,
  type Rollout,
  rolloutFromProto,
  samplingFromProto,
  toolDefinitionFromProto,
} from '../contract/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type {
  AssistantMessage,
  Message,
  SamplingParameters,
  ToolCall,
  ToolDefinition,
} from '../messages.ts';
import { ChunkAssembler, decodeInt32, encodeFloat32, encodeInt32 } from '../wire/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { cutShort } from './cut-short.ts';

/** Options of an answer: its signal fires when no answer is wanted any more. */
export interface AnswerOptions {
  readonly signal: AbortSignal;
}

export interface PlayOptions extends CallOptions {
  /** Answers tool calls in place of the environment's own tools. A throw is the tool's failure. */
  readonly toolHandler?: (call: ToolCall, options: AnswerOptions) => Promise<string>;
  /** Answers generations with a message: no trainable tokens. */
  readonly complete?: (
    request: {
      readonly messages: readonly Message[];
      readonly tools: readonly ToolDefinition[];
      readonly sampling: SamplingParameters;
    },
    options: AnswerOptions,
  ) => Promise<{ readonly message: AssistantMessage; readonly finishReason?: string }>;
  /** Answers generations with tokens; wins over `complete`. */
  readonly generate?: (
    request: { readonly promptTokenIds: Int32Array; readonly sampling: SamplingParameters },
    options: AnswerOptions,
  ) => Promise<{
    readonly tokenIds: Int32Array;
    readonly logprobs?: Float32Array;
    readonly finishReason: 'stop' | 'length' | 'abort';
    readonly policyVersion?: number;
  }>;
  readonly onEvent?: (event: RolloutEvent) => void;
}

type Frame = NonNullable<MessageInitShape<typeof PlayRolloutRequestSchema>['frame']>;

/** Plays one rollout and answers what it asks; resolves with the finished rollout. */
export async function playRollout(
  client: Client<typeof EnvironmentService>,
  assignment: Assignment,
  options: PlayOptions,
): Promise<Rollout> {
  const sending = new Outbox<PlayRolloutRequest>();
  const answering = new Map<string, AbortController>();
  const send = (frame: Frame): void => {
    sending.push(create(PlayRolloutRequestSchema, { frame }));
  };
  send({
    case: 'open',
    value: {
      assignment: assignmentToProto(assignment),
      answerToolCalls: options.toolHandler !== undefined,
      answerGenerations:
        options.generate !== undefined
          ? GenerationAnswer.TOKENS
          : options.complete !== undefined
            ? GenerationAnswer.MESSAGE
            : GenerationAnswer.UNSPECIFIED,
    },
  });
  let assembler: ChunkAssembler | undefined;
  try {
    for await (const { frame } of client.playRollout(sending.drain(), toConnect(options))) {
      switch (frame.case) {
        case 'event':
          options.onEvent?.(frame.value);
          break;
        case 'withdrawn':
          answering.get(frame.value.requestId)?.abort(withdrawn());
          answering.delete(frame.value.requestId);
          break;
        case 'rollout':
          assembler ??= new ChunkAssembler(Number(frame.value.totalSize), 'rollout');
          assembler.append(frame.value.data);
          break;
        case 'toolRequest':
        case 'messageRequest':
        case 'generationRequest': {
          const { requestId } = frame.value;
          const controller = new AbortController();
          answering.set(requestId, controller);
          void answer(frame, options, controller.signal).then((result) => {
            if (answering.delete(requestId)) send(result);
          });
        }
      }
    }
  } finally {
    sending.end();
    for (const controller of answering.values()) controller.abort(withdrawn());
  }
  if (assembler === undefined) {
    throw cutShort('the stream ended before its rollout came.', 'Get it with rollout(id).');
  }
  return rolloutFromProto(fromBinary(RolloutSchema, assembler.bytes()), 'rollout');
}

type Asked = Extract<
  PlayRolloutResponse['frame'],
  { case: 'toolRequest' | 'messageRequest' | 'generationRequest' }
>;

/** Never rejects: what an answer throws travels as its error. */
async function answer(asked: Asked, options: PlayOptions, signal: AbortSignal): Promise<Frame> {
  const { requestId } = asked.value;
  switch (asked.case) {
    case 'toolRequest':
      try {
        const { call } = asked.value;
        if (options.toolHandler === undefined || call === undefined) throw notAnswered();
        const content = await options.toolHandler(call, { signal });
        return { case: 'toolResult', value: { requestId, content } };
      } catch (error) {
        return { case: 'toolResult', value: { requestId, error: said(error) } };
      }
    case 'messageRequest':
      try {
        if (options.complete === undefined) throw notAnswered();
        const { messages, tools, sampling } = asked.value;
        const request = {
          messages: messagesFromProto(messages, 'messages'),
          tools: tools.map((tool, index) => toolDefinitionFromProto(tool, `tools[${index}]`)),
          sampling: samplingFromProto(sampling, 'sampling'),
        };
        const { message, finishReason = '' } = await options.complete(request, { signal });
        return {
          case: 'messageResult',
          value: { requestId, message: messageToProto(message), finishReason },
        };
      } catch (error) {
        return { case: 'messageResult', value: { requestId, error: said(error) } };
      }
    case 'generationRequest':
      try {
        if (options.generate === undefined) throw notAnswered();
        const request = {
          promptTokenIds: decodeInt32(asked.value.promptTokenIds, 'prompt_token_ids'),
          sampling: samplingFromProto(asked.value.sampling, 'sampling'),
        };
        const given = await options.generate(request, { signal });
        const { tokenIds, logprobs, finishReason, policyVersion } = given;
        return {
          case: 'generationResult',
          value: {
            requestId,
            tokenIds: encodeInt32(tokenIds),
            finishReason,
            ...(logprobs !== undefined && { logprobs: encodeFloat32(logprobs) }),
            ...(policyVersion !== undefined && { policyVersion: BigInt(policyVersion) }),
          },
        };
      } catch (error) {
        return { case: 'generationResult', value: { requestId, error: said(error) } };
      }
  }
}

/** An error with no words would read as success. */
function said(error: unknown): string {
  return errorMessage(error) || 'failed without a message';
}

function notAnswered(): Error {
  return new Error('this caller answers no such request');
}

function withdrawn(): LachesisError {
  return new LachesisError('cancelled', 'no answer is wanted any more.', {
    reason: 'REQUEST_WITHDRAWN',
  });
}
