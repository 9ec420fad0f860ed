import { isThenable } from '../async/index.ts';
import { errorMessage } from '../errors.ts';
import type { AssistantMessage, Message, ToolCall } from '../messages.ts';
import type { Completion } from '../models/index.ts';
import { callModel } from './call-model.ts';
import { decideCalls } from './decide-calls.ts';
import { environmentStop } from './environment-stop.ts';
import { type AgentConfig, type AgentOptions, resolveAgentOptions } from './options.ts';
import { type PreparedCall, prepareCall, refuseCutOff } from './prepare-calls.ts';
import { type Prompt, PromptWriter } from './prompt-writer.ts';
import type { AgentResult, PromptViewUse, Turn } from './result.ts';
import { type AnsweredCall, runToolCalls } from './run-tool-calls.ts';
import { isAbort, type Stop, stopOfAbort, stopOfCutOff, stopOfToolFailure } from './stop.ts';
import { Transcript } from './transcript.ts';

/**
 * Plays one rollout: asks the model, answers its tool calls, until it answers without calling, or
 * something else ends it. Resolves with a complete {@link AgentResult} on every path, a typed stop
 * reason included; rejects only with `invalid_input` on options that make no sense.
 */
export async function runAgent<State>(options: AgentOptions<State>): Promise<AgentResult> {
  const config = resolveAgentOptions(options, runAgent);
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
  const prompts = new PromptWriter(transcript, config);
  for (let turn = 1; turn <= config.maxTurns; turn += 1) {
    if (config.signal.aborted) return stopOfAbort(config.signal.reason);
    const prompt = prompts.next();
    if (prompt.kind === 'stop') return prompt.stop;
    transcript.turnsBegun = turn;
    const stop = await playTurn(turn, prompt, prompts, transcript, config);
    if (stop !== undefined) return stop;
  }
  return { reason: 'max_turns', detail: `The limit of ${config.maxTurns} turns was reached.` };
}

/** One model call and the tool calls that follow it; a stop when it was the last turn. */
async function playTurn<State>(
  turn: number,
  { request, view }: Extract<Prompt, { kind: 'prompt' }>,
  prompts: PromptWriter<State>,
  transcript: Transcript,
  config: AgentConfig<State>,
): Promise<Stop | undefined> {
  const firstNew = transcript.messages.length;
  const modelStartMs = config.clock.now();
  const reply = await callModel(request, transcript.counts, config);
  if (reply.kind === 'stop') return reply.stop;
  const toolStartMs = config.clock.now();

  const { completion } = reply;
  transcript.addUsage(completion);
  prompts.goOnFrom(completion);
  const cutOff = prompts.spend(completion) ?? stopOfCutOff(completion.finishReason);
  const made = readCalls(completion, cutOff !== undefined, transcript, config);
  const isDecided = made.length > 0 && config.beforeToolCall.length > 0;
  const { calls, stop: decided } = isDecided
    ? await decideCalls(made, turn, transcript, config)
    : { calls: made, stop: undefined };
  const message = { ...completion.message, toolCalls: calls.map(({ call }) => call) };
  transcript.messages.push(message);
  config.share.gave(message, completion.callId);
  const place = { turn, callId: completion.callId };
  const answers = calls.length === 0 ? [] : await runToolCalls(calls, place, config);
  transcript.addAnswers(answers);

  const modelDurationMs = toolStartMs - modelStartMs;
  const toolDurationMs = config.clock.now() - toolStartMs;
  const record = turnOf(turn, completion, { modelDurationMs, toolDurationMs }, view);
  transcript.turns.push(record);
  const hookStop =
    config.onTurn &&
    (await toldOf(config.onTurn, record, transcript.messages.slice(firstNew), config));
  const after = stopAfterTurn({ message, cutOff, decided, answers, hookStop }, config);
  return after === 'ask' ? await stopOfEnvironment(config) : after;
}

function turnOf(
  index: number,
  { message, finishReason, promptTokens, completionTokens, callDiagnostics }: Completion,
  durations: Pick<Turn, 'modelDurationMs' | 'toolDurationMs'>,
  view: PromptViewUse | undefined,
): Turn {
  const { modelDurationMs, toolDurationMs } = durations;
  const toolCalls = message.toolCalls.length;
  const turn: { -readonly [Key in keyof Turn]: Turn[Key] } = {
    index,
    finishReason,
    modelDurationMs,
    toolDurationMs,
    toolCalls,
  };
  if (message.reasoning !== undefined) turn.reasoning = message.reasoning;
  if (promptTokens !== undefined) turn.promptTokens = promptTokens;
  if (completionTokens !== undefined) turn.completionTokens = completionTokens;
  if (view !== undefined) turn.view = view;
  if (callDiagnostics !== undefined) turn.callDiagnostics = callDiagnostics;
  return Object.freeze(turn);
}

/** Tells the hook of a turn; a stop when it failed. */
function toldOf<State>(
  onTurn: NonNullable<AgentConfig<State>['onTurn']>,
  turn: Turn,
  newMessages: readonly Message[],
  config: AgentConfig<State>,
): Promise<Stop | undefined> {
  return environmentStop(config, () => {
    const told = onTurn(turn, newMessages);
    return isThenable(told) ? told.then(() => undefined) : undefined;
  });
}

/** Whether the environment is done, where it may say so. */
function stopOfEnvironment<State>(
  config: AgentConfig<State>,
): Promise<Stop | undefined> | undefined {
  const { isDone } = config;
  if (isDone === undefined) return undefined;
  const stopOf = (done: boolean): Stop | undefined =>
    done ? { reason: 'environment_done', detail: 'The environment is done.' } : undefined;
  return environmentStop(config, () => {
    const done = isDone();
    return isThenable(done) ? done.then(stopOf) : stopOf(done);
  });
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

interface FinishedTurn {
  readonly message: AssistantMessage;
  /** The completion's. */
  readonly cutOff: Stop | undefined;
  /** Of a hook or limit that was asked before the calls ran. */
  readonly decided: Stop | undefined;
  readonly answers: readonly AnsweredCall[];
  /** Of the hook after the turn. */
  readonly hookStop: Stop | undefined;
}

/**
 * Why a finished turn was the last; `ask`: the environment may say so. A hook's failure outweighs all;
 * an answer outweighs an abort that came with it.
 */
function stopAfterTurn<State>(
  { message, cutOff, decided, answers, hookStop }: FinishedTurn,
  config: AgentConfig<State>,
): Stop | 'ask' {
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
  if (decided !== undefined) return decided;
  if (config.signal.aborted) return stopOfAbort(config.signal.reason);
  return 'ask';
}
