import type { Deadline } from '../../async/index.ts';
import { errorMessage } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import type { EngineDescription } from '../engine.ts';
import { checkGeneration } from '../managed/check-generation.ts';
import type { DriftCanary } from '../managed/drift-canary.ts';
import { unreliable } from '../managed/marked.ts';
import { readably } from '../managed/refused-segment.ts';
import { assertRequest, SessionCalls } from '../managed/session-calls.ts';
import { SessionTokens } from '../managed/session-tokens.ts';
import type { Track } from '../managed/track.ts';
import type {
  Completion,
  CompletionRequest,
  ModelSession,
  SessionOptions,
  SessionRecord,
} from '../model-server.ts';
import { sessionName } from '../session-name.ts';
import { placePrompt } from './place-prompt.ts';
import type { CapturedReply, ChatCall } from './vllm-chat.ts';

/** What the sessions of a server that renders by itself share; none of it changes. */
export interface CapturedConfig {
  readonly logprobs: 'required' | 'ignore';
  readonly timeoutMs: number;
  /** Ids are below it. */
  readonly vocabularySize: number;
  readonly onLie: 'refuse' | 'mark';
  readonly describe: (signal: AbortSignal) => Promise<EngineDescription>;
  /** Throws when what is sampled like this could not be trained. */
  readonly assertSampling: (sampling: SamplingParameters, description: EngineDescription) => void;
  readonly ask: (
    call: ChatCall,
    description: EngineDescription,
    ids: Set<string>,
  ) => Promise<CapturedReply>;
  readonly canary: DriftCanary | undefined;
}

/** A reply of which all could be read. */
type ReadReply = CapturedReply & { readonly promptTokenIds: Int32Array };

/**
 * One rollout's conversations with a server that renders by itself. A call sends its messages, and its
 * tokens are put where the prompt belongs that the server says it read. A call that fails leaves no
 * trace but its count and what it sampled. Calls may be under way at the same time.
 */
export class CapturedSession implements ModelSession {
  readonly #config: CapturedConfig;
  readonly #options: SessionOptions;
  readonly #tokens: SessionTokens;
  readonly #callIds = new Set<string>();
  readonly #calls: SessionCalls;
  #logprobMode: SessionRecord['logprobMode'];

  constructor(config: CapturedConfig, options: SessionOptions) {
    this.#config = config;
    this.#options = options;
    this.#calls = new SessionCalls(config.timeoutMs, (request, deadline) =>
      this.#complete(request, deadline),
    );
    // The server's tokenizer and template are its own, and it does not say which they are.
    this.#tokens = new SessionTokens({ tokenizerSha256: '', templateSha256: '' });
  }

  async complete(
    request: CompletionRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Completion> {
    return await this.#calls.run(request, signal);
  }

  record(): SessionRecord {
    return this.#tokens.record(this.#logprobMode);
  }

  async #complete(request: CompletionRequest, deadline: Deadline): Promise<Completion> {
    assertRequest(request);
    const { signal } = deadline;
    const lineage = request.lineage ?? {};
    const { log } = this.#tokens;
    const heldWhenAsked = new Map(
      this.#tokens.tracksOf(lineage).map((track): [Track, number] => [track, track.builder.length]),
    );
    const description = await this.#config.describe(signal);
    this.#logprobMode = description.logprobMode;
    this.#config.assertSampling(request.sampling, description);

    const announcedVersion = this.#options.announcedVersion();
    const callIndex = log.begin(lineage, announcedVersion);
    const { messages } = request;
    this.#tokens.asked(lineage, { callIndex, messages, pieces: [] });
    using _ending = this.#tokens.untilEnded(callIndex);
    const sessionId = sessionName(this.#options);
    const reply = await this.#config.ask(
      {
        request,
        requestId: `${sessionId}/${callIndex}`,
        sessionId,
        logprobs: this.#config.logprobs === 'required',
        signal,
      },
      description,
      this.#callIds,
    );
    const { failure } = reply.generation;
    const call = { callIndex, announcedVersion };
    const checked = this.#checked(reply, call);
    this.#keep(request, checked, { ...call, heldWhenAsked });
    if (failure !== undefined && !signal.aborted) throw failure;
    // What came in time for the record may still have come too late for the caller.
    signal.throwIfAborted();
    log.answered(callIndex);
    if (!this.#tokens.isMarked(callIndex)) this.#watch(request, checked);
    return { ...checked.completion, callId: log.idOf(callIndex) };
  }

  /** The reply as it may be kept; throws where it may not. */
  #checked(
    reply: CapturedReply,
    call: { readonly callIndex: number; readonly announcedVersion: number },
  ): ReadReply {
    const { promptTokenIds = new Int32Array(0), generation, completion } = reply;
    const { logprobs, vocabularySize, onLie } = this.#config;
    const rules = { vocabularySize, logprobsRequired: logprobs === 'required', promptTokenIds };
    try {
      checkGeneration(generation, rules);
      return { promptTokenIds, generation, completion };
    } catch (thrown) {
      // Without its prompt a turn has no place.
      const isPlaced = reply.promptTokenIds !== undefined;
      const kept = onLie === 'mark' && isPlaced ? unreliable(generation, rules) : undefined;
      if (kept === undefined) {
        const refused = readably(generation.tokenIds, errorMessage(thrown));
        this.#tokens.keepRefused({ promptTokenIds, ...call, ...refused });
        throw thrown;
      }
      this.#tokens.mark(call.callIndex);
      return { promptTokenIds, generation: kept, completion };
    }
  }

  #keep(
    request: CompletionRequest,
    { promptTokenIds, generation, completion }: ReadReply,
    {
      callIndex,
      announcedVersion,
      heldWhenAsked,
    }: {
      readonly callIndex: number;
      readonly announcedVersion: number;
      readonly heldWhenAsked: ReadonlyMap<Track, number>;
    },
  ): void {
    const { messages, tools, transcriptIndexes, lineage = {} } = request;
    const { agent = '' } = lineage;
    const transcriptIndex = (index: number): number => transcriptIndexes?.[index] ?? index;
    const toolsKey = JSON.stringify(tools);
    const plan = placePrompt({
      tracks: this.#tokens.tracksOf(lineage),
      agent,
      promptTokenIds,
      messages,
      isView: transcriptIndexes !== undefined,
      toolsKey,
      heldWhenAsked,
    });
    const respelled = plan.kind === 'begin' ? plan.respelled : undefined;
    this.#tokens.asked(lineage, { callIndex, messages, pieces: plan.pieces, respelled });
    const track = this.#tokens.write(plan, { agent, toolsKey, transcriptIndex });
    const { tokenIds, logprobs, versions, finish } = generation;
    track.builder.appendSampled(
      tokenIds,
      this.#config.logprobs === 'required' ? logprobs : undefined,
      {
        callIndex,
        messageIndex: transcriptIndex(messages.length - 1) + 1,
        announcedVersion,
        versions,
      },
    );
    this.#tokens.log.sampled(callIndex, tokenIds.length, finish);
    this.#calls.own(completion.message);
    track.answered(messages, completion.message, { callIndex, tokens: promptTokenIds.length });
    this.#tokens.answered(callIndex, completion.message, tokenIds);
  }

  #watch({ messages, sampling }: CompletionRequest, reply: ReadReply): void {
    const { promptTokenIds, generation } = reply;
    const { tokenIds, logprobs } = generation;
    // The ids of a picture are places only, and can't be scored without it.
    const isText = messages.every(({ content }) => content.every(({ kind }) => kind === 'text'));
    if (logprobs === undefined || !isText) return;
    // Raw logprobs are those of temperature 1, whatever was sampled with.
    const temperature = this.#logprobMode === 'raw' ? 1 : (sampling.temperature ?? 1);
    this.#config.canary?.turn({ promptTokenIds, tokenIds, logprobs, temperature });
  }
}
