/**
 * The tokens that mark structure. Text never produces one unless the caller asks for it, so content
 * that spells `<|im_end|>` cannot close a turn.
 */
export const specialTokens = [
  '<|im_start|>',
  '<|im_end|>',
  '<tool_call>',
  '</tool_call>',
  '<tool_response>',
  '</tool_response>',
  '<think>',
  '</think>',
  '<|endoftext|>',
] as const;

export type SpecialToken = (typeof specialTokens)[number];

/** Ids 0..255 are the bytes themselves; the special tokens come right after them. */
export const firstSpecialId = 256;
export const firstPieceId = firstSpecialId + specialTokens.length;

/** The id of a special token; the same in every vocabulary of this room. */
export function specialId(token: SpecialToken): number {
  return firstSpecialId + specialTokens.indexOf(token);
}

/** True for the ids of special tokens. */
export function isSpecialId(id: number): boolean {
  return id >= firstSpecialId && id < firstPieceId;
}
