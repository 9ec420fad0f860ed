export { DROPPED_NOTE } from './dropped-note.ts';
export { PromptViewer, type PromptViewOptions } from './prompt-viewer.ts';
export { type SafeViewState, safeView } from './safe-view.ts';
export { seedView } from './seed-view.ts';
export { estimatedTokens, tokenCounter } from './token-counter.ts';
export type { PromptView, PromptViewProfile, TokenCounter } from './view.ts';
