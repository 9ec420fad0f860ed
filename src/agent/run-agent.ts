import { untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { AssistantMessage, ToolCall } from '../messages.ts';
import type { Completion } from '../models/index.ts';
import { callModel } from './call-model.ts';
import { type AgentConfig, type AgentOptions, resolveAgentOptions } from './options.ts';
import { type PreparedCall, prepareCall, refuseCutOff } from './prepare-calls.ts';
import type { AgentResult, Turn } from './result.ts';
import { type AnsweredCall, runToolCalls } from './run-tool-calls.ts';
import { isAbort, type Stop, stopOfAbort, stopOfCutOff, stopOfToolFailure } from './stop.ts';
import { Transcript } from './transcript.ts';

/**
 * Plays one rollout: asks the model, answers its tool calls, until it answers without calling, or
 * something else ends it. Resolves with a complete {@link AgentResult} on every path, a typed stop
 * reason included; rejects only with `invalid_input` on options that make no sense.
 */
export async function runAgent<State>(options: AgentOptions<State>): Promise<AgentResult> {
  const config = resolveAgentOptions(options);
  const transcript = new Transcript(options.messages);
  try {
    return transcript.result(await play(transcript, config));
  } catch (error) {
    // Not reached by any failure we know of; a result must still come out of one that we don't.
    return transcript.result({
      reason: 'infrastructure_error',
      detail: `The agent loop failed: ${errorMessage(error)}`,
    });
  }
}

async function play<State>(transcript: Transcript, config: AgentConfig<State>): Promise<Stop> {
  for (let turn = 1; turn <= config.maxTurns; turn += 1) {
    if (config.signal.aborted) return stopOfAbort(config.signal.reason);
    transcript.turnsBegun = turn;
    const stop = await playTurn(turn, transcript, config);
    if (stop !== undefined) return stop;
  }
  return { reason: 'max_turns', detail: `The limit of ${config.maxTurns} turns was reached.` };
}

/** One model call and the tool calls that follow it; a stop when it was the last turn. */
async function playTurn<State>(
  turn: number,
  transcript: Transcript,
  config: AgentConfig<State>,
): Promise<Stop | undefined> {
  const firstNew = transcript.messages.length;
  const modelStartMs = config.clock.now();
  const reply = await callModel(
    {
      // A copy: a session may keep it, and the transcript goes on growing.
      messages: [...transcript.messages],
      tools: [...config.tools.values()],
      sampling: config.sampling,
      ...(config.toolChoice === undefined ? {} : { toolChoice: config.toolChoice }),
    },
    transcript.counts,
    config,
  );
  if (reply.kind === 'stop') return reply.stop;
  const toolStartMs = config.clock.now();

  const { completion } = reply;
  const cutOff = stopOfCutOff(completion.finishReason);
  const calls = readCalls(completion, cutOff !== undefined, transcript, config);
  const message = { ...completion.message, toolCalls: calls.map(({ call }) => call) };
  transcript.messages.push(message);
  transcript.addUsage(completion);
  const answers = await runToolCalls(calls, turn, config, transcript.check);
  transcript.addAnswers(answers);

  const record: Turn = Object.freeze({
    index: turn,
    ...(message.reasoning === undefined ? {} : { reasoning: message.reasoning }),
    finishReason: completion.finishReason,
    ...(completion.promptTokens === undefined ? {} : { promptTokens: completion.promptTokens }),
    ...(completion.completionTokens === undefined
      ? {}
      : { completionTokens: completion.completionTokens }),
    modelDurationMs: toolStartMs - modelStartMs,
    toolDurationMs: config.clock.now() - toolStartMs,
    toolCalls: calls.length,
  });
  transcript.turns.push(record);
  const hookStop = await environmentStop(config, async () => {
    await config.onTurn(record, transcript.messages.slice(firstNew));
    return undefined;
  });
  return stopAfterTurn(message, cutOff, answers, hookStop, config);
}

/** The completion's calls, each with one id for both messages and a decision about it. */
function readCalls<State>(
  completion: Completion,
  isCutOff: boolean,
  transcript: Transcript,
  config: AgentConfig<State>,
): readonly PreparedCall[] {
  return completion.message.toolCalls.map((made: ToolCall) => {
    const call = transcript.callIds.canonical(made);
    return isCutOff
      ? refuseCutOff(call, config.tools)
      : prepareCall(call, config.tools, config.argumentProfile);
  });
}

/** Whether a finished turn was the last. A hook's failure outweighs all; an answer outweighs an abort that came with it. */
async function stopAfterTurn<State>(
  message: AssistantMessage,
  cutOff: Stop | undefined,
  answers: readonly AnsweredCall[],
  hookStop: Stop | undefined,
  config: AgentConfig<State>,
): Promise<Stop | undefined> {
  if (hookStop !== undefined && !isAbort(hookStop)) return hookStop;
  const fatal = answers.find((answer) => answer.fatal !== undefined)?.fatal;
  if (fatal !== undefined) return stopOfToolFailure(fatal);
  if (cutOff !== undefined) {
    const isOurs = config.signal.aborted && cutOff.reason !== 'length';
    return isOurs ? stopOfAbort(config.signal.reason) : cutOff;
  }
  if (message.toolCalls.length === 0) {
    if (message.content.every((part) => part.kind === 'text' && part.text === '')) {
      return {
        reason: 'empty_response',
        detail: 'The model gave neither content nor a tool call.',
      };
    }
    return { reason: 'natural', detail: 'The model answered without calling a tool.' };
  }
  if (config.signal.aborted) return stopOfAbort(config.signal.reason);
  return environmentStop(config, async () => {
    const isDone = await config.isDone();
    return isDone ? { reason: 'environment_done', detail: 'The environment is done.' } : undefined;
  });
}

/** Runs an environment's hook under the run's signal; its throw is the environment's error. */
async function environmentStop<State>(
  config: AgentConfig<State>,
  hook: () => Promise<Stop | undefined>,
): Promise<Stop | undefined> {
  const { clock, signal } = config;
  try {
    return await untilAborted(hook(), { clock, graceMs: config.abortGraceMs, signal });
  } catch (error) {
    if (signal.aborted && error === signal.reason) return stopOfAbort(error);
    const isLost = error instanceof LachesisError && error.kind === 'infrastructure_error';
    return {
      reason: isLost ? 'infrastructure_error' : 'environment_error',
      detail: errorMessage(error),
    };
  }
}
