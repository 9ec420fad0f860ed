import { type Deadline, untilAborted } from '../../async/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { Message, SamplingParameters, ToolDefinition } from '../../messages.ts';
import type { EngineGeneration } from '../engine.ts';
import type {
  Completion,
  CompletionRequest,
  ModelSession,
  SessionOptions,
  SessionRecord,
} from '../model-server.ts';
import { type ReadCompletion, readCompletion } from '../rendering/read-completion.ts';
import { sessionName } from '../session-name.ts';
import { sessionCallIds } from './call-ids.ts';
import type { CallLog } from './call-log.ts';
import { checkGeneration } from './check-generation.ts';
import { fitSampling } from './fit-sampling.ts';
import type { ManagedConfig } from './managed-config.ts';
import { decodedBothWays, unreliable } from './marked.ts';
import { SampledMessages } from './message-identity.ts';
import { type PromptPlan, planPrompt } from './plan-prompt.ts';
import { asBranch, promptTokenIds } from './prompt-tokens.ts';
import { readably } from './refused-segment.ts';
import { assertRequest, SessionCalls } from './session-calls.ts';
import { SessionTokens } from './session-tokens.ts';

/**
 * One rollout's conversations with an engine. A call first plans its prompt, then asks the engine, and
 * only when that has answered changes what is held: a call that fails leaves no trace but its count and
 * what it sampled. Calls may be under way at the same time; each is held as the prompt that it was.
 */
export class ManagedSession implements ModelSession {
  readonly #config: ManagedConfig;
  readonly #options: SessionOptions;
  readonly #tokens: SessionTokens;
  readonly #callIds: ReturnType<typeof sessionCallIds>;
  readonly #sampled = new SampledMessages();
  readonly #calls: SessionCalls;
  #logprobMode: SessionRecord['logprobMode'];

  constructor(config: ManagedConfig, options: SessionOptions) {
    this.#config = config;
    this.#options = options;
    this.#calls = new SessionCalls(config.timeoutMs, (request, deadline) =>
      this.#complete(request, deadline),
    );
    this.#tokens = new SessionTokens(config.renderer.fingerprint);
    this.#callIds = sessionCallIds(config.parser, options.rolloutId);
  }

  async complete(
    request: CompletionRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Completion> {
    return await this.#calls.run(request, signal);
  }

  countTokens(messages: readonly Message[], tools: readonly ToolDefinition[]): number {
    return this.#config.renderer
      .render(messages, tools, (message) => this.#sampled.find(message))
      .reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  }

  record(): SessionRecord {
    return this.#tokens.record(this.#logprobMode);
  }

  get #log(): CallLog {
    return this.#tokens.log;
  }

  async #complete(request: CompletionRequest, deadline: Deadline): Promise<Completion> {
    const { engine, renderer, abortGraceMs } = this.#config;
    const { signal } = deadline;
    const plan = this.#plan(request);
    const description = await untilAborted(this.#config.describe(signal), { signal });
    this.#logprobMode = description.logprobMode;
    const prompt = promptTokenIds(plan);
    const sampling = fitSampling(request.sampling, prompt.length, {
      description,
      stopTokenIds: renderer.stopTokenIds,
    });
    this.#config.assertSampling(sampling, description);

    const announcedVersion = this.#options.announcedVersion();
    const sessionKey = sessionName(this.#options);
    const callIndex = this.#log.begin(request.lineage ?? {}, announcedVersion);
    const { messages, lineage = {} } = request;
    this.#tokens.asked(lineage, { callIndex, messages, pieces: plan.pieces });
    const requestId = `${sessionKey}/${callIndex}`;
    const { purpose } = this.#config;
    using _ending = this.#tokens.untilEnded(callIndex);
    let generation = await untilAborted(
      engine.generate(
        { requestId, promptTokenIds: prompt, sampling, sessionKey, purpose },
        { signal },
      ),
      {
        graceMs: abortGraceMs,
        signal,
        onLate: ({ tokenIds: late }) =>
          this.#tokens.keepRefused({
            ...{ promptTokenIds: prompt, callIndex, announcedVersion },
            ...readably(late, 'it came after the call was given up.'),
          }),
      },
    );
    const { failure, tokenIds } = generation;
    const call = { callIndex, announcedVersion };
    const rules = {
      vocabularySize: description.vocabularySize,
      logprobsRequired: this.#config.logprobs === 'required',
      promptTokenIds: prompt,
      decode: (ids: Int32Array) => decodedBothWays(renderer, ids),
    };
    try {
      checkGeneration(generation, rules);
    } catch (thrown) {
      const kept = this.#config.onLie === 'mark' ? unreliable(generation, rules) : undefined;
      if (kept === undefined) {
        const refused = readably(tokenIds, errorMessage(thrown));
        this.#tokens.keepRefused({ promptTokenIds: prompt, ...call, ...refused });
        throw thrown;
      }
      generation = kept;
      this.#tokens.mark(callIndex);
    }
    if (tokenIds.length === 0) {
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
    }
    let read: ReadCompletion;
    try {
      read = this.#read(request, generation, callIndex);
    } catch (thrown) {
      const why = `it could not be read: ${errorMessage(thrown)}`;
      this.#tokens.keepRefused({ promptTokenIds: prompt, tokenIds, ...call, why });
      throw parserFailed(this.#config.parser?.name ?? '', thrown);
    }
    const completion = this.#keep(request, { plan, prompt, generation, read, ...call });
    if (failure !== undefined && !signal.aborted) throw failure;
    // What came in time for the record may still have come too late for the caller.
    signal.throwIfAborted();
    if (failure === undefined && !deadline.expired) {
      this.#log.answered(callIndex);
      if (!this.#tokens.isMarked(callIndex)) this.#watch(prompt, generation, sampling);
    }
    return completion;
  }

  #watch(promptTokenIds: Int32Array, generation: EngineGeneration, sampling: SamplingParameters) {
    const { tokenIds, logprobs } = generation;
    if (logprobs === undefined) return;
    // Raw logprobs are those of temperature 1, whatever was sampled with.
    const temperature = this.#logprobMode === 'raw' ? 1 : (sampling.temperature ?? 1);
    this.#config.canary?.turn({ promptTokenIds, tokenIds, logprobs, temperature });
  }

  #plan(request: CompletionRequest): PromptPlan {
    assertRequest(request);
    const { messages, tools, lineage = {}, transcriptIndexes } = request;
    return planPrompt({
      tracks: this.#tokens.tracksOf(lineage),
      agent: lineage.agent ?? '',
      renderer: this.#config.renderer,
      messages,
      isView: transcriptIndexes !== undefined,
      tools,
      toolsKey: this.#toolsKey(request),
      sampledIds: (message) => this.#sampled.find(message),
    });
  }

  #toolsKey({ tools }: CompletionRequest): string {
    return this.#config.renderer.rendersTools ? JSON.stringify(tools) : '';
  }

  /** The plan as it stands now that the engine has answered: other calls may have been kept meanwhile. */
  #current(request: CompletionRequest, plan: PromptPlan, prompt: Int32Array): PromptPlan {
    if (plan.kind === 'extend' ? plan.track.builder.length === plan.tokens : !this.#isNews(plan)) {
      return plan;
    }
    const again = this.#plan(request);
    return sameIds(promptTokenIds(again), prompt) ? again : asBranch(plan);
  }

  /** Whether a conversation began while this one's first call was under way. */
  #isNews(plan: PromptPlan): boolean {
    return plan.kind === 'begin' && plan.parent === undefined && this.#tokens.tracks.length > 0;
  }

  #keep(
    request: CompletionRequest,
    made: {
      readonly plan: PromptPlan;
      readonly prompt: Int32Array;
      readonly generation: EngineGeneration;
      readonly read: ReadCompletion;
      readonly callIndex: number;
      readonly announcedVersion: number;
    },
  ): Completion {
    const { prompt, generation, callIndex, announcedVersion } = made;
    const { messages, transcriptIndexes, lineage } = request;
    const { message, callDiagnostics } = made.read;
    const plan = this.#current(request, made.plan, prompt);
    const transcriptIndex = (index: number): number => transcriptIndexes?.[index] ?? index;
    const track = this.#tokens.write(plan, {
      agent: lineage?.agent ?? '',
      toolsKey: this.#toolsKey(request),
      transcriptIndex,
    });

    const { tokenIds, versions, finish } = generation;
    const logprobs = this.#config.logprobs === 'required' ? generation.logprobs : undefined;
    track.builder.appendSampled(tokenIds, logprobs, {
      callIndex,
      messageIndex: transcriptIndex(messages.length - 1) + 1,
      announcedVersion,
      versions,
    });
    this.#log.sampled(callIndex, tokenIds.length, finish);

    this.#calls.own(message);
    this.#sampled.add(message, tokenIds);
    this.#tokens.answered(callIndex, message, tokenIds);
    const asked = plan.kind === 'begin' ? plan.messages : messages;
    track.answered(asked, message, { callIndex, tokens: prompt.length });
    const called = finish === 'stop' && message.toolCalls.length > 0;
    return {
      message,
      finishReason: called ? 'tool_calls' : finish,
      promptTokens: prompt.length,
      completionTokens: tokenIds.length,
      callId: this.#log.idOf(callIndex),
      ...(callDiagnostics !== undefined && { callDiagnostics }),
    };
  }

  #read(
    { tools, toolChoice }: CompletionRequest,
    { tokenIds, finish }: EngineGeneration,
    callIndex: number,
  ): ReadCompletion {
    const { renderer, parser } = this.#config;
    const closed = renderer.stopTokenIds.includes(tokenIds.at(-1) ?? -1);
    return readCompletion(renderer.decode(closed ? tokenIds.subarray(0, -1) : tokenIds), {
      parser: toolChoice === 'none' ? undefined : parser,
      tools,
      // An aborted text is cut off like one that ran out of tokens.
      finishReason: finish === 'abort' ? 'length' : finish,
      callId: this.#callIds(callIndex),
    });
  }
}

function sameIds(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}

/** A parser is somebody's code, and what it threw at it would throw again. */
function parserFailed(name: string, cause: unknown): LachesisError {
  return new LachesisError(
    'environment_error',
    `The tool-call parser "${name}" failed: ${errorMessage(cause)}`,
    {
      reason: 'PARSER_FAILED',
      remedy: 'A parser never throws: let it return the text as content, with a diagnostic.',
      cause,
    },
  );
}
