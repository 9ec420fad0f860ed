import type { Child } from './child.ts';
import type { TrainerStep } from './view.ts';

/** The steps that a trainer prints as JSON lines, until it ends. */
export async function* followTrainer(
  trainer: Child,
  signal: AbortSignal,
): AsyncGenerator<TrainerStep, void, void> {
  const stop = (): void => void trainer[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of trainer.lines()) {
      signal.throwIfAborted();
      const message = JSON.parse(line) as { readonly type: string } & TrainerStep;
      if (message.type === 'step') yield message;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
