import { textContent } from '../../messages.ts';
import type { ProbeOptions } from '../engines/probe.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';

/** Ids below it hold the single letters of every byte-level and most sentence-piece vocabularies. */
const SEARCHED_IDS = 2_048;
/** One token in any of them, so its letters one by one are a spelling that no tokenizer makes. */
const COMMON_WORD = 'the';

/** What a probe asks with, from the renderer alone. */
export function probePrompt(
  renderer: ChatRenderer,
): Pick<ProbeOptions, 'promptTokenIds' | 'oddTokenIds' | 'text'> {
  const pieces = renderer.render(
    [{ role: 'user', content: textContent('Name any three animals.') }],
    [],
  );
  const tokenIds = Int32Array.from(pieces.flatMap((piece) => [...piece.tokenIds]));
  return {
    promptTokenIds: tokenIds,
    oddTokenIds: spelledOut(renderer, COMMON_WORD),
    text: { text: renderer.decode(tokenIds), tokenIds },
  };
}

function spelledOut(renderer: ChatRenderer, word: string): Int32Array | undefined {
  const found = new Map<string, number>();
  const last = Math.min(SEARCHED_IDS, renderer.vocabularySize);
  for (let id = 0; id < last && found.size < word.length; id++) {
    const text = renderer.decode(Int32Array.of(id));
    if (text.length === 1 && word.includes(text) && !found.has(text)) found.set(text, id);
  }
  const ids = [...word].flatMap((letter) => found.get(letter) ?? []);
  return ids.length === word.length ? Int32Array.from(ids) : undefined;
}
