import {
  messageFromProto,
  messageToProto,
  samplingToProto,
  toolDefinitionToProto,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import {
  directRecord,
  type Engine,
  type EngineDescription,
  type EngineFinish,
  type ModelServer,
} from '../models/index.ts';
import type { ToolHandler } from '../tools/index.ts';
import { decodeFloat32, decodeInt32, encodeInt32 } from '../wire/index.ts';
import type { CallerChannel } from './caller-channel.ts';

/** The caller as a tool handler. */
export function callerToolHandler(channel: CallerChannel): ToolHandler {
  return async ({ callId, name, argumentsText, arguments: args }, { signal }) => {
    const call = { id: callId, name, argumentsText, argumentsJson: JSON.stringify(args) };
    const { content, error } = await channel.ask('toolRequest', { call }, signal);
    if (error !== '') throw new Error(error);
    return content;
  };
}

/** The caller as a model server: messages in, a message out, no trainable tokens. */
export function callerMessageServer(channel: CallerChannel): ModelServer {
  return {
    kind: 'direct',
    model: 'caller',
    openSession: () => {
      let modelCalls = 0;
      return {
        complete: async ({ messages, tools, sampling }, { signal }) => {
          modelCalls += 1;
          const answer = await channel.ask(
            'messageRequest',
            {
              messages: messages.map(messageToProto),
              tools: tools.map(toolDefinitionToProto),
              sampling: samplingToProto(sampling),
            },
            signal,
          );
          failIf(answer.error);
          if (answer.message === undefined) throw callerError('the answer has no message.');
          const message = messageFromProto(answer.message, 'message_result.message');
          if (message.role !== 'assistant') {
            throw callerError(`the answer's message has role ${message.role}, not assistant.`);
          }
          return { message, finishReason: answer.finishReason || 'stop' };
        },
        record: () => directRecord(modelCalls),
      };
    },
    close: async () => {},
  };
}

/** The caller as an engine: token ids in, ids with logprobs out. */
export function callerEngine(
  channel: CallerChannel,
  describe: (options: { readonly signal: AbortSignal }) => Promise<EngineDescription>,
): Engine {
  return {
    describe: (options) => describe({ signal: options?.signal ?? new AbortController().signal }),
    generate: async ({ promptTokenIds, sampling }, { signal }) => {
      const answer = await channel.ask(
        'generationRequest',
        { promptTokenIds: encodeInt32(promptTokenIds), sampling: samplingToProto(sampling) },
        signal,
      );
      failIf(answer.error);
      const tokenIds = decodeInt32(answer.tokenIds, 'generation_result.token_ids');
      const { policyVersion, logprobs } = answer;
      return {
        tokenIds,
        logprobs:
          logprobs.length === 0 ? undefined : decodeFloat32(logprobs, 'generation_result.logprobs'),
        finish: finishOf(answer.finishReason),
        versions:
          policyVersion === undefined || tokenIds.length === 0
            ? []
            : [{ length: tokenIds.length, version: Number(policyVersion) }],
      };
    },
    close: async () => {},
  };
}

function finishOf(reason: string): EngineFinish {
  if (reason === 'length' || reason === 'abort') return reason;
  if (reason === 'stop' || reason === '') return 'stop';
  throw callerError(`finish_reason "${reason}" is none of stop, length and abort.`);
}

function failIf(error: string): void {
  if (error !== '') throw callerError(error);
}

function callerError(message: string): LachesisError {
  return new LachesisError('model_error', `the caller's model: ${message}`, {
    reason: 'CALLER_MODEL',
  });
}
