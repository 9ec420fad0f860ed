import { LachesisError } from '../../src/errors.ts';
import type { AssistantMessage, Message } from '../../src/messages.ts';
import {
  type CallLineage,
  createManagedServer,
  createScriptedEngine,
  type SessionRecord,
} from '../../src/models/index.ts';
import { END, say, spiedRenderer, tokenizer } from '../models/chatml.ts';

/** Drives one session, call by call; each call samples as many tokens as it is told. */
export interface Caller {
  /** Asks with these messages; gives the reply. `fails`: it is sampled, and lost on the way. */
  ask(
    messages: readonly Message[],
    sampled: number,
    options?: { readonly lineage?: CallLineage; readonly fails?: boolean; readonly think?: number },
  ): Promise<AssistantMessage>;
}

export type CallPattern = (caller: Caller) => Promise<void>;

const user = (text: string): Message => say('user', text);
const SYSTEM = say('system', 'you are the agent');

/** A conversation of so many turns; each samples `lengths[i]` tokens. Gives its messages, to go on from. */
async function converse(
  { ask }: Caller,
  opening: readonly Message[],
  lengths: readonly number[],
  lineage?: CallLineage,
): Promise<Message[]> {
  const messages = [...opening];
  for (const [turn, length] of lengths.entries()) {
    if (turn > 0) messages.push(user(`on ${turn}`));
    messages.push(await ask(messages, length, lineage === undefined ? {} : { lineage }));
  }
  return messages;
}

const LOST = new LachesisError('infrastructure_error', 'the reply was lost', { reason: 'LOST' });
const MAIN = [SYSTEM, user('the task')];
const SUB = [say('system', 'you are a helper'), user('look it up')];
const TITLE = [say('system', 'you name things'), user('name the task')];

/** What people's harnesses do (reference: rivals, 5.1), with what each samples in the name. */
export const CALL_PATTERNS: Readonly<Record<string, CallPattern>> = {
  'linear, 3 turns (30)': async (caller) => {
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'sub-agent of 2 turns between turns (48)': async (caller) => {
    const messages = await converse(caller, MAIN, [10, 10]);
    await converse(caller, SUB, [8, 10]);
    await converse(caller, [...messages, user('found')], [10]);
  },
  'the same, declared': async (caller) => {
    const messages = await converse(caller, MAIN, [10, 10]);
    await converse(caller, SUB, [8, 10], { agent: 'helper' });
    await converse(caller, [...messages, user('found')], [10]);
  },
  'sub-agent of 1 turn, first to finish (39)': async (caller) => {
    await converse(caller, SUB, [9]);
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'the same sub-agent, declared': async (caller) => {
    await converse(caller, SUB, [9], { agent: 'helper' });
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'compaction after turn 2 (37)': async (caller) => {
    await converse(caller, MAIN, [10, 12]);
    await converse(caller, [SYSTEM, user('so far: much was done. go on')], [15]);
  },
  'the same, its agent declared': async (caller) => {
    const lineage = { agent: 'main' };
    await converse(caller, MAIN, [10, 12], lineage);
    await converse(caller, [SYSTEM, user('so far: much was done. go on')], [15], lineage);
  },
  'title side call first (34)': async (caller) => {
    await converse(caller, TITLE, [4]);
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'title side call last (34)': async (caller) => {
    await converse(caller, MAIN, [10, 10, 10]);
    await converse(caller, TITLE, [4]);
  },
  'title side call asked twice (38)': async (caller) => {
    await converse(caller, TITLE, [4]);
    await converse(caller, TITLE, [4]);
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'title side call, declared': async (caller) => {
    await converse(caller, TITLE, [4], { purpose: 'title' });
    await converse(caller, MAIN, [10, 10, 10]);
  },
  'lost reply, asked again (26)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    await caller.ask(next, 6, { fails: true }).catch(() => {});
    await caller.ask(next, 10);
  },
  'lost reply, asked otherwise (38)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    await caller.ask([...messages, user('it is 10:00')], 6);
    await converse(caller, [...messages, user('it is 10:01')], [12, 10]);
  },
  'last answer sampled again (26)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    await caller.ask(next, 7);
    await caller.ask(next, 9);
  },
  'sampled again, and that is lost (26)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    await caller.ask(next, 7);
    await caller.ask(next, 9, { fails: true }).catch(() => {});
  },
  'two samples, the first taken up (35)': async (caller) => {
    const first = await caller.ask(MAIN, 11);
    await caller.ask(MAIN, 12);
    await converse(caller, [...MAIN, first, user('on')], [12]);
  },
  'two samples of turn 2, the first taken up (30)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    const first = await caller.ask(next, 6);
    await caller.ask(next, 4);
    await converse(caller, [...next, first, user('and')], [10]);
  },
  'an answer that a judge rejects (29)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    const rated = [...next, await caller.ask(next, 7), user('rate it')];
    await caller.ask(rated, 3, { lineage: { purpose: 'judge' } });
    await caller.ask(next, 9);
  },
  'drift in the last 2 tokens of turn 2 (30)': async (caller) => {
    const messages = await converse(caller, MAIN, [10]);
    const next = [...messages, user('on')];
    await caller.ask(next, 12);
    // 11 letters and the end token were sampled; one letter is missing in what comes back.
    const text = [{ kind: 'text', text: 'x'.repeat(10) }] as const;
    const altered: AssistantMessage = { role: 'assistant', content: text, toolCalls: [] };
    await converse(caller, [...next, altered, user('and')], [8]);
  },
  'thinking stripped by the client (34)': async (caller) => {
    const reply = await caller.ask(MAIN, 22, { think: 8 });
    const { reasoning: _, ...stripped } = reply;
    await converse(caller, [...MAIN, stripped, user('on')], [12]);
  },
};

/** Plays a pattern through a managed session over an engine that samples letters. */
export async function playPattern(pattern: CallPattern): Promise<SessionRecord> {
  const plan: { sampled: number; fails: boolean; think: number }[] = [];
  const engine = createScriptedEngine({
    replies: (_, index) => {
      const { sampled, fails, think } = plan[index]!;
      // Bytes, so that no pair of letters is merged; the end token is one of the sampled.
      const text = think > 0 ? `<think>${'t'.repeat(think)}</think>` : '';
      const head = [...tokenizer.encode(text, { allowSpecial: true })];
      const letters = Array.from({ length: sampled - 1 - head.length }, () => 'x'.charCodeAt(0));
      const tokenIds = [...head, ...letters, END];
      return fails ? { tokenIds, error: LOST, sampledBeforeError: sampled } : { tokenIds };
    },
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const { renderer } = spiedRenderer({ listTools: false });
  const session = createManagedServer({ engine, renderer }).openSession({
    rolloutId: 'r',
    announcedVersion: () => 1,
  });
  const { signal } = new AbortController();
  await pattern({
    ask: async (messages, sampled, { lineage, fails = false, think = 0 } = {}) => {
      plan.push({ sampled, fails, think });
      const request = { messages, tools: [], sampling: {}, ...(lineage && { lineage }) };
      return (await session.complete(request, { signal })).message;
    },
  });
  return session.record();
}
