import { existsSync, readFileSync } from 'node:fs';
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
      const message = stepOf(line);
      if (message !== undefined) yield message;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The steps that a trainer has kept, each once; a line that was being written when it ended is none. */
export function readSteps(file: string): readonly TrainerStep[] {
  if (!existsSync(file)) return [];
  const steps = readFileSync(file, 'utf8')
    .split('\n')
    .map(stepOf)
    .filter((step) => step !== undefined);
  return [...new Map(steps.map((step) => [step.step, step])).values()];
}

function stepOf(line: string): TrainerStep | undefined {
  try {
    const message = JSON.parse(line) as { readonly type: string } & TrainerStep;
    return message.type === 'step' ? message : undefined;
  } catch {
    return undefined;
  }
}
