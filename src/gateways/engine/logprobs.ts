import type { Generation, SampledToken, Tokenizer } from '../../policy/index.ts';
import type { EngineFaults } from './faults.ts';

/** One token in the `logprobs.content` list of the chat API. */
export interface ChatLogprob {
  readonly token: string;
  readonly logprob: number | null;
  readonly bytes: readonly number[];
  readonly top_logprobs: readonly { token: string; logprob: number; bytes: readonly number[] }[];
}

/** `logprobs.content` of the chat API; `asIds` spells tokens `token_id:<n>`, as vLLM does on request. */
export function chatLogprobs(
  generation: Pick<Generation, 'ids' | 'logprobs' | 'topLogprobs'>,
  tokenizer: Tokenizer,
  faults: EngineFaults,
  asIds: boolean,
): readonly ChatLogprob[] {
  const spell = (id: number) => ({
    token: asIds ? `token_id:${id}` : tokenizer.decode([id]),
    bytes: [...tokenizer.bytesOf(id)],
  });
  return Array.from(generation.ids, (id, i) => ({
    ...spell(id),
    logprob: faults.nullLogprobs === true ? null : (generation.logprobs[i] ?? null),
    top_logprobs: (generation.topLogprobs[i] ?? []).map((top) => ({
      ...spell(top.id),
      logprob: top.logprob,
    })),
  }));
}

/** `logprobs` of the completions API: parallel lists. */
export function completionLogprobs(
  generation: Generation,
  tokenizer: Tokenizer,
  faults: EngineFaults,
): object {
  const tokens = Array.from(generation.ids, (id) => tokenizer.decode([id]));
  let offset = 0;
  return {
    tokens,
    token_logprobs: Array.from(generation.logprobs, (value) =>
      faults.nullLogprobs === true ? null : value,
    ),
    top_logprobs: generation.topLogprobs.map((top) => topRecord(top, tokenizer)),
    text_offset: tokens.map((token) => {
      const start = offset;
      offset += token.length;
      return start;
    }),
  };
}

/** `logprobs.content` of vLLM's token endpoint: ids and numbers only, the sampled token first. */
export function tokenLogprobs(generation: Generation, faults: EngineFaults): object {
  return {
    content: Array.from(generation.ids, (id, i) => {
      const logprob = faults.nullLogprobs === true ? null : (generation.logprobs[i] ?? null);
      const top = (generation.topLogprobs[i] ?? []).map((token, rank) => ({
        token_id: token.id,
        logprob: token.logprob,
        rank: rank + 1,
      }));
      return { token_id: id, logprob, top_logprobs: top };
    }),
  };
}

/** Prompt logprobs in vLLM's shape: null first, then id -> {logprob}. */
export function promptLogprobs(
  ids: Int32Array,
  logprobs: Float32Array,
  tokenizer: Tokenizer,
): readonly (object | null)[] {
  return Array.from(ids, (id, i) =>
    i === 0
      ? null
      : { [id]: { logprob: logprobs[i], rank: null, decoded_token: tokenizer.decode([id]) } },
  );
}

function topRecord(top: readonly SampledToken[], tokenizer: Tokenizer): Record<string, number> {
  return Object.fromEntries(top.map(({ id, logprob }) => [tokenizer.decode([id]), logprob]));
}
