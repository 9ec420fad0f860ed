import { type Deadline, untilAborted } from '../../async/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import type {
  AssistantMessage,
  Message,
  SamplingParameters,
  ToolDefinition,
} from '../../messages.ts';
import type { RenderingFingerprint, Segment, Span } from '../../tokens/index.ts';
import { callDeadline } from '../call-deadline.ts';
import type { EngineDescription, EngineGeneration } from '../engine.ts';
import { contextOverflow, modelTimeout, unreachable } from '../model-errors.ts';
import type {
  Completion,
  CompletionRequest,
  ModelSession,
  SessionOptions,
  SessionRecord,
} from '../model-server.ts';
import { readCompletion } from '../rendering/read-completion.ts';
import { checkGeneration } from './check-generation.ts';
import type { ManagedConfig } from './managed-config.ts';
import { decodedBothWays, unreliable, withMarked } from './marked.ts';
import { SampledMessages } from './message-identity.ts';
import { type PromptPlan, planPrompt } from './plan-prompt.ts';
import { promptTokenIds, writePrompt } from './prompt-tokens.ts';
import { refusedSegment } from './refused-segment.ts';
import { createSerial } from './serial.ts';
import type { Track } from './track.ts';

/**
 * One rollout's conversation with an engine. A call first plans its prompt, then asks the engine, and
 * only when that has answered changes what is held: a call that fails leaves no trace but its count.
 * Calls run one after another.
 */
export class ManagedSession implements ModelSession {
  readonly #config: ManagedConfig;
  readonly #options: SessionOptions;
  readonly #serial = createSerial();
  readonly #tracks: Track[] = [];
  readonly #sampled = new SampledMessages();
  /** Calls that failed after the engine had sampled something: nobody uses their replies. */
  readonly #abandoned = new Set<number>();
  /** Calls whose numbers didn't agree and were kept: nothing of their segments is trained. */
  readonly #marked = new Set<number>();
  readonly #refused: Segment[] = [];
  #modelCalls = 0;
  /** From the engine's replies, not from the segments: a disagreement must show. */
  #sampledTokens = 0;
  #logprobMode: SessionRecord['logprobMode'];

  constructor(config: ManagedConfig, options: SessionOptions) {
    this.#config = config;
    this.#options = options;
  }

  complete(
    request: CompletionRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Completion> {
    return this.#serial(signal, async () => {
      signal.throwIfAborted();
      using deadline = callDeadline(this.#config.timeoutMs, signal);
      try {
        return await this.#complete(request, deadline);
      } catch (thrown) {
        if (deadline.expired)
          throw modelTimeout('The engine did not finish', this.#config.timeoutMs);
        signal.throwIfAborted();
        throw thrown instanceof LachesisError ? thrown : engineFailed(thrown);
      }
    });
  }

  countTokens(messages: readonly Message[], tools: readonly ToolDefinition[]): number {
    return this.#config.renderer
      .render(messages, tools, (message) => this.#sampled.find(message))
      .reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  }

  record(): SessionRecord {
    return {
      segments: [
        ...this.#tracks.map((track) => this.#withAbandoned(track.builder.build())),
        ...this.#refused,
      ],
      sampledTokens: this.#sampledTokens,
      modelCalls: this.#modelCalls,
      rendering: this.#rendering,
      logprobMode: this.#logprobMode,
    };
  }

  get #rendering(): RenderingFingerprint {
    return this.#config.renderer.fingerprint;
  }

  #withAbandoned(segment: Segment): Segment {
    if (this.#abandoned.size === 0 && this.#marked.size === 0) return segment;
    const spans = segment.spans.map(
      (span): Span =>
        span.callIndex !== undefined && this.#abandoned.has(span.callIndex)
          ? { ...span, loss: 'abandoned_retry' }
          : span,
    );
    return withMarked({ ...segment, spans }, this.#marked);
  }

  async #complete(request: CompletionRequest, deadline: Deadline): Promise<Completion> {
    const { engine, renderer, abortGraceMs } = this.#config;
    const { signal } = deadline;
    const plan = this.#plan(request);
    const description = await untilAborted(this.#config.describe(signal), { signal });
    this.#logprobMode = description.logprobMode;
    const prompt = promptTokenIds(plan);
    const sampling = samplingFor(request.sampling, prompt.length, {
      description,
      stopTokenIds: renderer.stopTokenIds,
    });
    this.#config.assertSampling(sampling, description);

    const callIndex = this.#modelCalls;
    this.#modelCalls += 1;
    const announcedVersion = this.#options.announcedVersion();
    const { rolloutId } = this.#options;
    const requestId = `${rolloutId}/${callIndex}`;
    const { purpose } = this.#config;
    let generation = await untilAborted(
      engine.generate(
        { requestId, promptTokenIds: prompt, sampling, sessionKey: rolloutId, purpose },
        { signal },
      ),
      { graceMs: abortGraceMs, signal },
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
        this.#keepRefused(prompt, tokenIds, { ...call, why: errorMessage(thrown) });
        throw thrown;
      }
      generation = kept;
      this.#marked.add(callIndex);
    }
    if (tokenIds.length === 0) {
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
    }
    const completion = this.#keep(request, { plan, prompt, generation, ...call });
    if (failure !== undefined || deadline.expired) this.#abandoned.add(callIndex);
    else if (!this.#marked.has(callIndex)) this.#watch(prompt, generation, sampling);
    if (failure !== undefined && !signal.aborted) throw failure;
    // What came in time for the record may still have come too late for the caller.
    signal.throwIfAborted();
    return completion;
  }

  #watch(promptTokenIds: Int32Array, generation: EngineGeneration, sampling: SamplingParameters) {
    const { tokenIds, logprobs } = generation;
    if (logprobs === undefined) return;
    // Raw logprobs are those of temperature 1, whatever was sampled with.
    const temperature = this.#logprobMode === 'raw' ? 1 : (sampling.temperature ?? 1);
    this.#config.canary?.turn({ promptTokenIds, tokenIds, logprobs, temperature });
  }

  #keepRefused(
    promptTokenIds: Int32Array,
    tokenIds: Int32Array,
    { why, ...call }: { callIndex: number; announcedVersion: number; why: string },
  ): void {
    const id = `refused${this.#refused.length}`;
    const rendering = this.#rendering;
    const made = refusedSegment({ id, reason: why, promptTokenIds, tokenIds, ...call, rendering });
    if (made === undefined) return;
    this.#refused.push(made);
    this.#sampledTokens += tokenIds.length;
  }

  #plan({ messages, tools, toolChoice }: CompletionRequest): PromptPlan {
    if (messages.length === 0) throw invalidInput('messages', 'is empty.');
    if (toolChoice === 'required') {
      throw invalidInput('toolChoice', 'is required; a managed model can’t be forced to call.', {
        reason: 'UNSUPPORTED_TOOL_CHOICE',
        remedy: 'Use auto, and let the reward ask for the call.',
      });
    }
    const { renderer } = this.#config;
    return planPrompt({
      tracks: this.#tracks,
      renderer,
      messages,
      tools,
      toolsKey: renderer.rendersTools ? JSON.stringify(tools) : '',
      sampledIds: (message) => this.#sampled.find(message),
    });
  }

  #keep(
    request: CompletionRequest,
    made: {
      readonly plan: PromptPlan;
      readonly prompt: Int32Array;
      readonly generation: EngineGeneration;
      readonly callIndex: number;
      readonly announcedVersion: number;
    },
  ): Completion {
    const { renderer } = this.#config;
    const { plan, prompt, generation, callIndex, announcedVersion } = made;
    const { messages, transcriptIndexes } = request;
    const transcriptIndex = (index: number): number => transcriptIndexes?.[index] ?? index;
    const track = writePrompt(plan, {
      id: `s${this.#tracks.length}`,
      rendering: this.#rendering,
      toolsKey: renderer.rendersTools ? JSON.stringify(request.tools) : '',
      transcriptIndex,
    });
    if (plan.kind === 'begin') this.#tracks.push(track);

    const { tokenIds, versions } = generation;
    const logprobs = this.#config.logprobs === 'required' ? generation.logprobs : undefined;
    track.builder.appendSampled(tokenIds, logprobs, {
      callIndex,
      messageIndex: transcriptIndex(messages.length - 1) + 1,
      announcedVersion,
      versions,
    });
    this.#sampledTokens += tokenIds.length;

    const message = this.#read(request, generation, callIndex);
    this.#sampled.add(message, tokenIds);
    track.answered(plan.kind === 'begin' ? plan.messages : messages, prompt.length, message);
    const called = generation.finish === 'stop' && message.toolCalls.length > 0;
    return {
      message,
      finishReason: called ? 'tool_calls' : generation.finish,
      promptTokens: prompt.length,
      completionTokens: tokenIds.length,
    };
  }

  #read(
    { tools, toolChoice }: CompletionRequest,
    { tokenIds, finish }: EngineGeneration,
    callIndex: number,
  ): AssistantMessage {
    const { renderer, parser } = this.#config;
    const closed = renderer.stopTokenIds.includes(tokenIds.at(-1) ?? -1);
    return readCompletion(renderer.decode(closed ? tokenIds.subarray(0, -1) : tokenIds), {
      parser: toolChoice === 'none' ? undefined : parser,
      tools,
      // An aborted text is cut off like one that ran out of tokens.
      finishReason: finish === 'abort' ? 'length' : finish,
      callId: (index) => `call_${callIndex}_${index}`,
    });
  }
}

/** The caller's sampling with the model's own stops, and no more tokens than the context has left. */
function samplingFor(
  sampling: SamplingParameters,
  promptTokens: number,
  model: { readonly description: EngineDescription; readonly stopTokenIds: readonly number[] },
): SamplingParameters {
  const { contextLength } = model.description;
  const stopTokenIds = [...new Set([...model.stopTokenIds, ...(sampling.stopTokenIds ?? [])])];
  if (contextLength === undefined) return { ...sampling, stopTokenIds };
  if (promptTokens + 1 > contextLength) throw contextOverflow(promptTokens, contextLength);
  const left = contextLength - promptTokens;
  return { ...sampling, stopTokenIds, maxTokens: Math.min(sampling.maxTokens ?? left, left) };
}

function engineFailed(thrown: unknown): LachesisError {
  return unreachable(`The engine failed: ${errorMessage(thrown)}`, {
    reason: 'ENGINE_FAILED',
    cause: thrown,
  });
}
