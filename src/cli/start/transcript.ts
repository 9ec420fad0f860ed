import type { Rollout } from '../../contract/index.ts';
import { textOf } from '../../messages.ts';

/** A rollout as a person reads it, one line per message or call. */
export function transcriptLines(rollout: Rollout): readonly string[] {
  const lines = rollout.result.messages.flatMap((message): readonly string[] => {
    const text = textOf(message);
    switch (message.role) {
      case 'system':
      case 'user':
        return [`${message.role}: ${text}`];
      case 'assistant':
        return [
          ...(text === '' ? [] : [`model: ${text}`]),
          ...message.toolCalls.map((call) => `model calls ${call.name} ${call.argumentsText}`),
        ];
      case 'tool':
        return [`${message.toolName} answers: ${text}`];
    }
  });
  const { outcome } = rollout;
  const end =
    outcome.kind === 'scored'
      ? `reward ${outcome.reward}`
      : `not scored: ${outcome.failure.message}`;
  return [...lines, end];
}
