import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type { HistoryEnd } from './append-turns.ts';

/**
 * What a conversation goes on with after a turn of the model: whether that turn called tools, and the
 * roles that follow. Whether a template can append is a matter of the kind, never of the texts.
 */
export interface TurnKind {
  readonly turn: 'text' | 'call';
  /** Of several tool results in a row the first two stand for all. */
  readonly roles: readonly Message['role'][];
  readonly hasTools: boolean;
  /** Whether the conversation begins with a system message. */
  readonly hasSystem: boolean;
}

/** Kinds longer than this are not looked into: nobody appends so much at once. */
export const MAX_KIND_ROLES = 12;

export function kindOf(
  { messages, length }: HistoryEnd,
  newMessages: readonly Message[],
  tools: readonly ToolDefinition[],
): TurnKind {
  const previous = messages[length - 1];
  const roles = newMessages.map(({ role }) => role);
  const called = previous?.role === 'assistant' && previous.toolCalls.length > 0;
  return {
    turn: called || roles[0] === 'tool' ? 'call' : 'text',
    roles: roles.filter(
      (role, at) => !(role === 'tool' && roles[at - 1] === 'tool' && roles[at - 2] === 'tool'),
    ),
    hasTools: tools.length > 0,
    hasSystem: messages[0]?.role === 'system',
  };
}

/** `call > tool user`: a turn with calls, then a tool's result and a user's message. */
export function kindName({ turn, roles, hasSystem }: TurnKind): string {
  const name = `${turn} > ${roles.join(' ') || 'nothing'}`;
  return hasSystem ? AFTER_SYSTEM + name : name;
}

export const AFTER_SYSTEM = 'system, ';

/** A conversation to try a template on: the words are the only thing that differs between two. */
export interface Dummy {
  readonly system: string;
  readonly user: string;
  readonly reply: string;
  readonly reasoning?: string;
  readonly tools: readonly ToolDefinition[];
  /** A turn with calls has words too. */
  readonly says?: boolean;
  /** What stands between the user's message and the turn. */
  readonly earlier?: readonly Message[];
}

const tool = (name: string, description: string): ToolDefinition => ({
  name,
  description,
  parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
});

export const DUMMIES: readonly [Dummy, Dummy] = [
  { system: 'zqs', user: 'zqu', reply: 'zqc', tools: [tool('zqf', 'zqd')] },
  {
    system: 'Speak of other things.',
    user: 'Other words, of several lines.\n\nHere.',
    reply: 'A reply\nof two lines, longer.',
    tools: [tool('another', 'Does it.'), tool('third_one', 'Does more.')],
  },
];

/** The user's message and the model's turn that new messages are appended to, as a template may read it. */
export function dummyLead(
  { system, user, reply, reasoning, says = false, earlier = [] }: Dummy,
  { turn, hasSystem }: Pick<TurnKind, 'turn' | 'hasSystem'>,
  newMessages: readonly Message[],
): Message[] {
  const firstOther = newMessages.findIndex(({ role }) => role !== 'tool');
  const results = newMessages
    .slice(0, firstOther < 0 ? newMessages.length : firstOther)
    .filter((message) => message.role === 'tool');
  const calls =
    results.length > 0
      ? results.map(({ toolCallId, toolName }) => ({ id: toolCallId, name: toolName }))
      : [{ id: 'abcdefgh1', name: 'zqf' }];
  const toolCalls = calls.map(({ id, name }) => ({ id, name, argumentsText: '{"q": "zq"}' }));
  const assistant: AssistantMessage = {
    role: 'assistant',
    content: turn === 'text' || says ? textContent(reply) : [],
    ...(reasoning !== undefined && { reasoning }),
    toolCalls: turn === 'text' ? [] : toolCalls,
  };
  const head: Message[] = hasSystem ? [{ role: 'system', content: textContent(system) }] : [];
  return [...head, { role: 'user', content: textContent(user) }, ...earlier, assistant];
}

/** Rounds of what a conversation may hold: calls with words and thoughts, results, replies, the user again. */
export function dummyRounds(count: number, calls: 0 | 1 | 2): Message[] {
  const text = (role: 'user' | 'assistant', words: string): Message => {
    const content = textContent(words);
    return role === 'user' ? { role, content } : { role, content, toolCalls: [] };
  };
  return Array.from({ length: count }, (_, round): Message[] => {
    const ids = [`abcdefg${round}1`, `abcdefg${round}2`].slice(0, calls);
    const toolCalls = ids.map((id) => ({ id, name: 'zqf', argumentsText: '{"q": "zq"}' }));
    const results = ids.map((toolCallId, at): Message => {
      const content = textContent(`zq result ${at}`);
      return { role: 'tool', content, toolCallId, toolName: 'zqf' };
    });
    const content = textContent('zq says');
    const called: Message[] = [
      { role: 'assistant', content, reasoning: 'zq thinks', toolCalls },
      ...results,
      { role: 'assistant', content: [], toolCalls: toolCalls.slice(0, 1) },
      ...results.slice(0, 1),
    ];
    return [
      ...(calls > 0 ? called : []),
      text('assistant', 'zq reply'),
      text('user', 'zq goes on'),
    ];
  }).flat();
}

/** Messages of a kind, to certify it with. */
export function sampleMessages({ roles }: TurnKind): Message[] {
  let results = 0;
  return roles.map((role, index): Message => {
    const content = textContent(`zq message ${index}`);
    switch (role) {
      case 'tool': {
        results += 1;
        return { role, content, toolCallId: `abcdefgh${results}`, toolName: 'zqf' };
      }
      case 'assistant':
        return { role, content, toolCalls: [] };
      default:
        return { role, content };
    }
  });
}
