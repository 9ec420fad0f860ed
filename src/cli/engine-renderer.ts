import { LachesisError } from '../errors.ts';
import type { ChatRenderer } from '../models/index.ts';

export interface RendererFiles {
  /** Holds the model's tokenizer.json, as a download of the model has it. */
  readonly folder: string;
  /** The text of the chat template. Default: the folder's own. */
  readonly template: string | undefined;
  readonly signal: AbortSignal;
}

export type ReadRenderer = (files: RendererFiles) => Promise<ChatRenderer>;

/**
 * THE PLACE where the renderer of an engine's model comes in: `readModelRenderer(folder, {template, signal})`
 * of the models room goes here, and nothing else of the command line changes.
 */
export const readEngineRenderer: ReadRenderer = async ({ folder }) => {
  throw new LachesisError('unimplemented', `No renderer can be read from ${folder} yet.`, {
    reason: 'RENDERER_UNAVAILABLE',
    remedy: 'Use createManagedServer with a renderer of your own, or --policy-address.',
  });
};
