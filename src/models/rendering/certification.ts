import type { Message } from '../../messages.ts';
import { type TextRun, textOfRuns } from './marked-text.ts';
import { type Bridge, deriveSuffix, type Suffix } from './template-bridge.ts';
import { isRefusal } from './template-writer.ts';
import {
  AFTER_SYSTEM,
  DUMMIES,
  type Dummy,
  dummyLead,
  dummyRounds,
  kindName,
  MAX_KIND_ROLES,
  sampleMessages,
  type TurnKind,
} from './turn-kind.ts';

/** What was found of one kind of conversation when it was tried. */
export interface KindVerdict {
  /** `call > tool user`: after a turn with calls, a tool's result and a user's message. */
  readonly kind: string;
  readonly hasTools: boolean;
  /**
   * `extends`: messages are appended to what stands. `rewrites`: the template changes what stands before
   * them. `refused`: it raises. `uncertain`: no suffix that holds was found.
   */
  readonly verdict: 'extends' | 'rewrites' | 'refused' | 'uncertain';
  /** `dropped`: the template takes reasoning out of earlier turns here. */
  readonly reasoning: 'kept' | 'dropped';
  /**
   * `once`: that holds behind every conversation in which nothing stands that the template could look for.
   * `each`: it may depend on the conversation, and is held against a render of the whole of it each time.
   */
  readonly check: 'once' | 'each';
  /** Why, where it does not extend. */
  readonly reason: string;
}

/** What a renderer found out about its template. */
export interface RenderingCertification {
  readonly kinds: readonly KindVerdict[];
  /** One line for a log. */
  readonly summary: string;
}

/** Tries one kind on two dummy conversations, and holds what is derived against full renders. */
function certifyKind(bridge: Bridge, kind: TurnKind, isOblivious: boolean): KindVerdict {
  const verdict = (
    name: KindVerdict['verdict'],
    reason: string,
    isKept = true,
    isSettled = () => false,
  ): KindVerdict => {
    // Only tried for kinds that come up: it takes longer than all the rest.
    let check: KindVerdict['check'] | undefined;
    return {
      kind: kindName(kind),
      hasTools: kind.hasTools,
      verdict: name,
      reasoning: isKept ? 'kept' : 'dropped',
      get check() {
        check ??= isSettled() ? 'once' : 'each';
        return check;
      },
      reason,
    };
  };
  const newMessages = sampleMessages(kind);
  const suffixes: Suffix[] = [];
  for (const dummy of DUMMIES) {
    const suffix = deriveSuffix(bridge, dummy, kind, newMessages);
    if ('reason' in suffix) {
      return verdict(suffix.kind === 'refused' ? 'refused' : 'uncertain', suffix.reason);
    }
    suffixes.push(suffix);
  }
  const [suffix, other] = suffixes as [Suffix, Suffix];
  if (!isSame(suffix, other))
    return verdict('uncertain', 'what follows depends on what stood before');
  if (!isSeam(bridge, suffix)) {
    return verdict('uncertain', 'the ids of what follows depend on what stood before');
  }

  const thinking = deriveSuffix(bridge, THINKING, kind, newMessages);
  // A template that knows no reasoning has no say on it.
  const isReadable = bridge.writer.shape.reasoning !== 'inline' && !('reason' in thinking);
  if (isReadable && !isSame(suffix, thinking)) {
    return verdict('uncertain', 'what follows depends on the reasoning before it');
  }
  const isKept = !isReadable || thinking.before.includes(THOUGHT);
  const round = [dummyLead(DUMMIES[0], kind, newMessages).at(-1)!, ...newMessages];
  const after = (earlier: readonly Message[]): 'same' | 'other' | 'unstable' | 'refused' => {
    const dummy = { ...DUMMIES[0], earlier };
    const later = deriveSuffix(bridge, dummy, kind, newMessages);
    if ('reason' in later) return later.kind === 'refused' ? 'refused' : 'other';
    if (!isSame(suffix, later)) return 'other';
    const prompt = promptText(bridge, dummy, kind);
    return prompt !== undefined && later.before.startsWith(prompt) ? 'same' : 'unstable';
  };
  if (!['same', 'unstable'].includes(after(round))) {
    return verdict('rewrites', 'what follows is another after earlier turns', isKept);
  }
  const isStable = DUMMIES.every((dummy, at) => {
    const prompt = promptText(bridge, dummy, kind);
    return prompt !== undefined && suffixes[at]!.before.startsWith(prompt);
  });
  if (!isStable) return verdict('rewrites', 'the template changes what stands before', isKept);
  const isSettled = (): boolean => {
    if (!isOblivious) return false;
    const talking = deriveSuffix(bridge, { ...DUMMIES[0], says: true }, kind, newMessages);
    const talks = 'reason' in talking ? talking.kind : isSame(suffix, talking) ? 'same' : 'other';
    const rounds = [1, 2, 3].map((count) => Array.from({ length: count }, () => round).flat());
    return (
      ['same', 'refused'].includes(talks) &&
      rounds.every((earlier) => after(earlier) === 'same') &&
      mixedRounds().every((earlier) => ['same', 'refused'].includes(after(earlier)))
    );
  };
  const reason = isKept ? '' : 'reasoning of earlier turns is dropped';
  return verdict('extends', reason, isKept, isSettled);
}

/** What else may have been said before: up to the user's last word, and up to a tool's. */
function mixedRounds(): Message[][] {
  return ([0, 1, 2] as const).flatMap((calls) =>
    [1, 2].flatMap((count) => {
      const rounds = dummyRounds(count, calls);
      if (calls === 0) return [rounds];
      // What was thought since the user's last word is looked at by itself.
      const open = rounds.slice(0, -2).map((message) => {
        if (message.role !== 'assistant') return message;
        const { reasoning: _, ...rest } = message;
        return rest;
      });
      return [rounds, open];
    }),
  );
}

const THOUGHT = 'zqr';
const THINKING: Dummy = { ...DUMMIES[0], reasoning: THOUGHT };

/** The kinds that are tried when a renderer is made; others are when they come up. */
function usualKinds(): TurnKind[] {
  const hasSystem = false;
  return [false, true].flatMap((hasTools): TurnKind[] => [
    { turn: 'call', roles: ['tool'], hasTools, hasSystem },
    { turn: 'call', roles: ['tool', 'tool'], hasTools, hasSystem },
    { turn: 'call', roles: ['tool', 'user'], hasTools, hasSystem },
    { turn: 'text', roles: ['user'], hasTools, hasSystem },
  ]);
}

/** Each kind once where it is the same with tools and without, and after a system message. */
function summarize(kinds: readonly KindVerdict[]): string {
  const says = ({ kind, verdict, reasoning, reason }: KindVerdict): string => {
    const dropped = verdict === 'extends' && reasoning === 'dropped' ? ', without reasoning' : '';
    return `${verdict} ${kind}${dropped}${verdict === 'extends' ? '' : ` (${reason})`}`;
  };
  const withTools = new Set(kinds.filter(({ hasTools }) => hasTools).map(says));
  const without = new Set(kinds.filter(({ hasTools }) => !hasTools).map(says));
  const all = without.union(withTools);
  return [...all]
    .filter((line) => !line.includes(AFTER_SYSTEM) || !all.has(line.replace(AFTER_SYSTEM, '')))
    .map((line) => {
      if (without.has(line) && withTools.has(line)) return line;
      return `${line}, ${withTools.has(line) ? 'with tools' : 'without tools'}`;
    })
    .join('; ');
}

export interface Verdicts {
  /** Undefined for a kind that is not looked into. */
  of(kind: TurnKind): KindVerdict | undefined;
  report(): RenderingCertification;
}

/** Verdicts by kind: the usual ones at once, others when they are asked for. */
export function createVerdicts(bridge: Bridge, isOblivious: boolean): Verdicts {
  const known = new Map<string, KindVerdict>();
  const of = (kind: TurnKind): KindVerdict | undefined => {
    if (kind.roles.length > MAX_KIND_ROLES) return undefined;
    const key = JSON.stringify(kind);
    let verdict = known.get(key);
    if (verdict === undefined) {
      verdict = certifyKind(bridge, kind, isOblivious);
      known.set(key, verdict);
    }
    return verdict;
  };
  for (const kind of usualKinds()) of(kind);
  return {
    of,
    report(): RenderingCertification {
      const kinds = Object.freeze([...known.values()]);
      return Object.freeze({ kinds, summary: summarize(kinds) });
    },
  };
}

/** What the model would have been given before its turn; undefined where the template raises. */
export function promptText(
  { writer }: Bridge,
  dummy: Dummy,
  kind: Pick<TurnKind, 'hasTools' | 'hasSystem'>,
): string | undefined {
  const lead = dummyLead(dummy, { ...kind, turn: 'text' }, []);
  const tools = kind.hasTools ? dummy.tools : [];
  try {
    return writer.text(lead.slice(0, -1), { tools, generationPrompt: true });
  } catch (thrown) {
    if (isRefusal(thrown)) return undefined;
    throw thrown;
  }
}

function isSame(a: Suffix, b: Suffix): boolean {
  return textOfRuns(a.runs) === textOfRuns(b.runs) && a.closeId === b.closeId;
}

/** Whether the ids of the two texts side by side are those of the joined text. */
function isSeam({ encoder }: Bridge, { before, runs }: Suffix): boolean {
  const ids = (all: readonly TextRun[], continues: boolean): number[] =>
    encoder.encode(all, { continues }).flatMap(({ tokenIds }) => [...tokenIds]);
  const head = { text: before, owner: undefined };
  const joined = ids([head, ...runs], false);
  const apart = [...ids([head], false), ...ids(runs, true)];
  return joined.length === apart.length && joined.every((id, at) => id === apart[at]);
}
