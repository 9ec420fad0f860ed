import { LachesisError } from '../../errors.ts';
import { fingerprintHex, specialTokens, Tokenizer } from '../../policy/index.ts';
import type { ChatRenderer } from './chat-renderer.ts';
import { type ChatmlRendererOptions, createChatmlRenderer } from './chatml-renderer.ts';

/** What `PolicyService.Describe` says that a renderer needs. */
export interface RenderableModel {
  /** `chatml-hermes` is known. */
  readonly chatFormat: string;
  readonly vocabularySize: number;
  /** The bytes of each id, or of the learned pieces only. */
  readonly vocabulary: readonly Uint8Array[];
  readonly specialTokens: Readonly<Record<string, number>>;
  readonly rendering?: { readonly tokenizerSha256: string } | undefined;
}

/**
 * The renderer of a model that is served elsewhere, from its own description.
 * @throws failed_precondition when its format or tokenizer is not one that can be rebuilt here.
 */
export function rendererFor(
  model: RenderableModel,
  options: Omit<ChatmlRendererOptions, 'tokenizer'> = {},
): ChatRenderer {
  if (model.chatFormat !== 'chatml-hermes') {
    throw unknownRendering(`its chat format is "${model.chatFormat}", not "chatml-hermes"`);
  }
  const { vocabulary, vocabularySize } = model;
  const learned = vocabulary.length === vocabularySize ? vocabulary.slice(FIXED_IDS) : vocabulary;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(learned.map((piece) => decoder.decode(piece)));
  } catch (cause) {
    throw unknownRendering('its vocabulary is not one of bytes, special tokens and pieces', cause);
  }
  if (tokenizer.vocabularySize !== vocabularySize) {
    throw unknownRendering(`its ${vocabularySize} ids are not all described`);
  }
  const differing = specialTokens.find(
    (token) => model.specialTokens[token] !== tokenizer.encode(token, { allowSpecial: true })[0],
  );
  if (differing !== undefined) throw unknownRendering(`${differing} has another id`);
  const expected = model.rendering?.tokenizerSha256 ?? '';
  if (expected !== '' && expected !== fingerprintHex(tokenizer.fingerprint)) {
    throw unknownRendering('its vocabulary does not have the fingerprint that it claims');
  }
  return createChatmlRenderer({ ...options, tokenizer });
}

/** The bytes and the special tokens come first in every vocabulary of the format. */
const FIXED_IDS = 256 + specialTokens.length;

function unknownRendering(why: string, cause?: unknown): LachesisError {
  return new LachesisError('failed_precondition', `This model can't be rendered here: ${why}.`, {
    reason: 'UNKNOWN_RENDERING',
    remedy: 'Give createManagedServer a renderer of your own.',
    ...(cause !== undefined && { cause }),
  });
}
