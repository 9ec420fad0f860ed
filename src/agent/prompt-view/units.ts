import type { Message } from '../../messages.ts';

/** A half-open range of the transcript that is shown or left out as one. */
export interface Unit {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a transcript into the smallest ranges that hold no half of a pair. Results are paired by place
 * first (the latest unanswered call of that id), so repeated ids do no harm; what stands between a
 * call and its result belongs to their unit.
 */
export function unitsOf(messages: readonly Message[]): readonly Unit[] {
  const units: Unit[] = [];
  /** By id, where its unanswered calls were made, the latest last. */
  const open = new Map<string, number[]>();
  for (const [index, message] of messages.entries()) {
    units.push({ start: index, end: index + 1 });
    if (message.role === 'assistant') {
      for (const { id } of message.toolCalls) open.set(id, [...(open.get(id) ?? []), index]);
    }
    if (message.role !== 'tool') continue;
    const callAt = open.get(message.toolCallId)?.pop();
    if (callAt === undefined) continue;
    let start = index;
    while (start > callAt) start = (units.pop() as Unit).start;
    units.push({ start, end: index + 1 });
  }
  return units;
}

/** Whether no message answers a call from before these. */
export function isClosed(messages: readonly Message[]): boolean {
  const open: string[] = [];
  return messages.every((message) => {
    if (message.role === 'assistant') open.push(...message.toolCalls.map(({ id }) => id));
    if (message.role !== 'tool') return true;
    const at = open.lastIndexOf(message.toolCallId);
    if (at >= 0) open.splice(at, 1);
    return at >= 0;
  });
}

/** The head that is always shown: system messages and the first user message, wherever they stand. */
export function isProtected(messages: readonly Message[]): (index: number) => boolean {
  const firstUser = messages.findIndex(({ role }) => role === 'user');
  return (index) => index === firstUser || messages[index]?.role === 'system';
}
