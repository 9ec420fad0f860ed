import { startDeadline } from '../../async/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { Engine, EngineCapabilities, EngineGeneration, EngineTier } from '../engine.ts';
import { logprobModeOf } from './probe-logprobs.ts';
import { probePool } from './probe-pool.ts';
import type { EngineProbe, ProbeFinding, ProbeName } from './probe-report.ts';

export type { EngineProbe, ProbeFinding, ProbeName };

export interface ProbeOptions {
  /** A prompt as the renderer makes it. */
  readonly promptTokenIds: Int32Array;
  /** Ids that spell a word otherwise than the tokenizer would. Default: not asked. */
  readonly oddTokenIds?: Int32Array | undefined;
  /** A text and the ids of this side's tokenizer. Default: not asked. */
  readonly text?: { readonly text: string; readonly tokenIds: Int32Array } | undefined;
  /** Longest all of it may take. Default: 60 s. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** Above it an engine scores a token otherwise than it sampled it. */
const MAX_SCORE_DRIFT = 0.05;

/**
 * Asks an engine some short questions and sees what it does. Rejects only when it can't be reached; what
 * it does wrong is a finding. What it samples for them belongs to no rollout.
 */
export async function probeEngine(engine: Engine, options: ProbeOptions): Promise<EngineProbe> {
  if (engine.members !== undefined && engine.members.length > 0) {
    const probe = (member: Engine) => probeEngine(member, options);
    return probePool(engine.members, probe, options.signal);
  }
  const { timeoutMs = 60_000 } = options;
  using deadline = startDeadline({
    timeoutMs,
    reason: () => new DOMException(`The probe did not end within ${timeoutMs} ms.`, 'TimeoutError'),
    signal: options.signal,
  });
  const { signal } = deadline;
  const ask = new Asker(engine, options.promptTokenIds, signal);
  const first = await ask.firstGeneration();
  const findings = [idsOut(first)];
  const trusted = findings[0]!.outcome === 'yes' && !(first instanceof LachesisError);
  const made = trusted ? (first as EngineGeneration) : undefined;

  const note = async (probe: ProbeName, find: () => Promise<Omit<ProbeFinding, 'probe'>>) => {
    let found: Omit<ProbeFinding, 'probe'>;
    try {
      found =
        made === undefined
          ? { outcome: 'unknown', detail: 'not asked: no ids came' }
          : await find();
    } catch (thrown) {
      signal.throwIfAborted();
      found = { outcome: 'unknown', detail: errorMessage(thrown) };
    }
    findings.push({ probe, ...found });
    return found.outcome;
  };
  const kept = await note('stop_token_kept', () => ask.stopTokenKept());
  const verbatim = await note('prompt_verbatim', () => ask.promptVerbatim(options.oddTokenIds));
  let logprobMode = engine.capabilities?.logprobMode ?? 'unknown';
  await note('logprob_mode', async () => {
    const declared = (await engine.describe({ signal })).logprobMode;
    const seen = await logprobModeOf(engine, { promptTokenIds: options.promptTokenIds, signal });
    logprobMode = seen.mode === 'unknown' ? declared : seen.mode;
    const known = logprobMode !== 'unknown';
    return { outcome: known ? 'yes' : 'unknown', detail: `${logprobMode}: ${seen.detail}` };
  });
  let scoreDrift: number | undefined;
  const scored = await note('scoring', async () => {
    scoreDrift = await ask.scoreDrift(made!);
    if (scoreDrift === undefined)
      return { outcome: 'unknown', detail: 'the engine has no scoring' };
    const detail = `a sampled token's score differs by ${scoreDrift.toPrecision(2)} at most`;
    return { outcome: scoreDrift <= MAX_SCORE_DRIFT ? 'yes' : 'no', detail };
  });
  await note('tokenizer', () => ask.sameTokenizer(options.text));
  const versions = versionsOf(engine, made);
  await note('versions', async () => ({
    outcome: versions === 'none' ? 'no' : 'yes',
    detail: versions === 'none' ? 'none is reported' : `reported ${versions.replace('_', ' ')}`,
  }));
  const seen = (outcome: ProbeFinding['outcome']) =>
    outcome === 'unknown' ? undefined : outcome === 'yes';
  return {
    tier: tierOf(trusted, verbatim),
    stopTokenKept: seen(kept),
    promptVerbatim: seen(verbatim),
    logprobMode,
    canScore: scored === 'yes',
    canScoreTopK: scored === 'yes' && engine.scoreTopK !== undefined,
    versions,
    findings,
    scoreDrift,
  };
}

/** The questions, each of one or two short calls. */
class Asker {
  readonly #engine: Engine;
  readonly #prompt: Int32Array;
  readonly #signal: AbortSignal;

  constructor(engine: Engine, prompt: Int32Array, signal: AbortSignal) {
    this.#engine = engine;
    this.#prompt = prompt;
    this.#signal = signal;
  }

  /** An answer that can't be read is a finding; no answer is none. */
  async firstGeneration(): Promise<EngineGeneration | LachesisError> {
    try {
      return await this.#sample('ids', { maxTokens: 4, temperature: 1, seed: 7 });
    } catch (thrown) {
      if (thrown instanceof LachesisError && unreadable.has(thrown.reason)) return thrown;
      throw thrown;
    }
  }

  async stopTokenKept(): Promise<Omit<ProbeFinding, 'probe'>> {
    const greedy = { temperature: 0, seed: 7 };
    const { tokenIds } = await this.#sample('greedy', { ...greedy, maxTokens: 1 });
    const [stop] = tokenIds;
    if (stop === undefined) return { outcome: 'unknown', detail: 'nothing was sampled' };
    const made = await this.#sample('stop', { ...greedy, maxTokens: 4, stopTokenIds: [stop] });
    if (made.failure !== undefined) return { outcome: 'unknown', detail: made.failure.message };
    if (made.tokenIds.length === 0) return { outcome: 'no', detail: `id ${stop} was left out` };
    return made.tokenIds.length === 1 && made.tokenIds[0] === stop
      ? { outcome: 'yes', detail: `id ${stop} ended the turn and came last` }
      : { outcome: 'unknown', detail: `it did not stop at id ${stop}` };
  }

  async promptVerbatim(odd: Int32Array | undefined): Promise<Omit<ProbeFinding, 'probe'>> {
    if (odd === undefined) return { outcome: 'unknown', detail: 'no odd spelling is known' };
    const sent = Int32Array.from([...this.#prompt, ...odd]);
    const { prompt } = await this.#sample('prompt', { maxTokens: 1 }, sent);
    if (prompt?.tokenIds !== undefined) {
      const same =
        prompt.tokenIds.length === sent.length &&
        prompt.tokenIds.every((id, at) => id === sent[at]);
      return {
        outcome: same ? 'yes' : 'no',
        detail: same ? 'echoed as sent' : 'other ids were read',
      };
    }
    if (prompt?.tokens === undefined)
      return { outcome: 'unknown', detail: 'it does not say what it read' };
    const detail = `${sent.length} ids were sent and ${prompt.tokens} read`;
    return { outcome: prompt.tokens === sent.length ? 'yes' : 'no', detail };
  }

  async scoreDrift({ tokenIds, logprobs }: EngineGeneration): Promise<number | undefined> {
    const all = Int32Array.from([...this.#prompt, ...tokenIds]);
    const scored = await this.#engine.score?.(all, { signal: this.#signal, temperature: 1 });
    if (scored === undefined) return undefined;
    // What did not come differs by nobody knows how much.
    if (scored.length !== all.length - 1 || !scored.every(Number.isFinite)) {
      throw new Error(
        `${scored.length} scores came for ${all.length - 1} tokens, or some are none`,
      );
    }
    const tail = scored.subarray(this.#prompt.length - 1);
    return tail.reduce((most, value, at) => Math.max(most, Math.abs(value - logprobs![at]!)), 0);
  }

  async sameTokenizer(known: ProbeOptions['text']): Promise<Omit<ProbeFinding, 'probe'>> {
    if (known === undefined || this.#engine.tokenize === undefined) {
      return { outcome: 'unknown', detail: 'the engine’s own tokenizer can’t be asked' };
    }
    const theirs = await this.#engine.tokenize(known.text, { signal: this.#signal });
    const { tokenIds } = known;
    const same = theirs.length === tokenIds.length && theirs.every((id, at) => id === tokenIds[at]);
    return same
      ? { outcome: 'yes', detail: `${theirs.length} ids agree` }
      : { outcome: 'no', detail: 'its tokenizer makes other ids of a rendered prompt' };
  }

  /** An engine that is called off answers with what it had; the probe then ends. */
  async #sample(
    name: string,
    sampling: Parameters<Engine['generate']>[0]['sampling'],
    promptTokenIds = this.#prompt,
  ): Promise<EngineGeneration> {
    const signal = this.#signal;
    const requestId = `probe-${name}-${crypto.randomUUID()}`;
    const made = await this.#engine.generate({ requestId, promptTokenIds, sampling }, { signal });
    signal.throwIfAborted();
    return made;
  }
}

const unreadable: ReadonlySet<string> = new Set([
  'BAD_ENGINE_REPLY',
  'TOKEN_IDS_MISSING',
  'LOGPROBS_MISSING',
  'LOGPROBS_LENGTH',
]);

function idsOut(first: EngineGeneration | LachesisError): ProbeFinding {
  const found = (outcome: 'yes' | 'no', detail: string): ProbeFinding => ({
    probe: 'ids_out',
    outcome,
    detail,
  });
  if (first instanceof LachesisError) return found('no', first.message);
  const { tokenIds, logprobs, failure = first.amiss } = first;
  if (failure !== undefined) return found('no', failure.message);
  if (logprobs === undefined) return found('no', `${tokenIds.length} ids came, and no logprobs`);
  if (tokenIds.length === 0) return found('no', 'nothing was sampled');
  if (logprobs.length !== tokenIds.length) {
    return found('no', `${tokenIds.length} ids came with ${logprobs.length} logprobs`);
  }
  return logprobs.every(Number.isFinite)
    ? found('yes', `${tokenIds.length} ids came, with a logprob each`)
    : found('no', 'some ids came without a logprob');
}

function tierOf(trusted: boolean, verbatim: ProbeFinding['outcome']): EngineTier {
  if (!trusted) return 'text';
  // Of a prompt that nobody knows was read as sent, only the turn itself is exact.
  return verbatim === 'yes' ? 'exact' : 'captured';
}

function versionsOf(
  { capabilities }: Engine,
  made: EngineGeneration | undefined,
): EngineCapabilities['versions'] {
  if (made === undefined || made.versions.length === 0) return 'none';
  return capabilities?.versions === 'per_call' ? 'per_call' : 'per_token';
}
