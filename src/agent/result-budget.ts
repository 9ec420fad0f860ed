import { spillToSandbox } from '../tools/index.ts';
import type { AfterToolCall, AfterToolCalls, ToolResultContext } from './hooks.ts';

export interface ResultBudgetOptions {
  /** Most characters of one result. Default: 100,000. */
  readonly maxResultCharacters?: number;
  /** The same for some tools. */
  readonly perTool?: Readonly<Record<string, number>>;
  /** Most characters of all results of a turn together. Default: 200,000. */
  readonly maxTurnCharacters?: number;
  /** Kept of a result that is too long. Default: 1,500. */
  readonly previewCharacters?: number;
  /** Of the sandbox, where long results are put. Default: `/tmp/tool-results`. */
  readonly folder?: string;
}

/** What it says is there to be read again, by smaller pages. */
const NEVER_SPILLED = 'read_file';
const OPEN = '<persisted-output>';
const SPILL_TIMEOUT_MS = 30_000;

/**
 * Keeps what a model is told of its tools within bounds: a result that is too long, and the longest ones of a
 * turn that is, go whole into a file of the rollout's sandbox and are told by its name and their beginning.
 */
export function resultBudget(options: ResultBudgetOptions = {}): {
  readonly afterToolCall: readonly [AfterToolCall];
  readonly afterToolCalls: readonly [AfterToolCalls];
} {
  const { maxResultCharacters = 100_000, maxTurnCharacters = 200_000, perTool = {} } = options;
  const limitOf = (name: string): number =>
    Object.hasOwn(perTool, name) ? (perTool[name] ?? maxResultCharacters) : maxResultCharacters;
  return {
    afterToolCall: [
      async ({ name, result }, context) =>
        name === NEVER_SPILLED || result.length <= limitOf(name)
          ? undefined
          : await spilled(name, result, context, options),
    ],
    afterToolCalls: [
      async (results, context) => {
        const texts = results.map(({ result }) => result);
        let total = texts.reduce((sum, text) => sum + text.length, 0);
        const longestFirst = results
          .map(({ name }, i) => ({ name, i }))
          .filter(({ i }) => !texts[i]?.startsWith(OPEN))
          .sort((a, b) => (texts[b.i]?.length ?? 0) - (texts[a.i]?.length ?? 0));
        for (const { name, i } of longestFirst) {
          const text = texts[i] ?? '';
          if (total <= maxTurnCharacters) break;
          const shorter = await spilled(name, text, context, options);
          // One that is short already would only grow.
          if (shorter.length >= text.length) break;
          texts[i] = shorter;
          total += shorter.length - text.length;
        }
        return texts;
      },
    ],
  };
}

async function spilled(
  name: string,
  result: string,
  context: ToolResultContext,
  { previewCharacters = 1_500, folder }: ResultBudgetOptions,
): Promise<string> {
  const { text, rest } = partsOf(result);
  const preview = previewOf(text, previewCharacters);
  const size = `${text.length} characters`;
  if (name === NEVER_SPILLED) {
    return `${preview}\n[Truncated: this page had ${size}. Read it again with offset and a smaller limit.]`;
  }
  const path = await spillToSandbox(context.sandbox, text, {
    ...(folder === undefined ? {} : { folder }),
    timeoutMs: SPILL_TIMEOUT_MS,
    signal: context.signal,
  });
  if (path === undefined) {
    return `${preview}\n[Truncated: this result had ${size}, which could not be saved to the sandbox.]`;
  }
  return [
    OPEN,
    `This result was too long (${size}). All of it is in ${path}`,
    'Read parts of it by read_file with offset and limit.',
    ...(rest === undefined ? [] : [rest]),
    '',
    `Its first ${preview.length} characters:`,
    preview,
    '</persisted-output>',
  ].join('\n');
}

/** Of a result as JSON the program's own text, which has lines to read, and the rest of it. */
function partsOf(result: string): { readonly text: string; readonly rest?: string } {
  if (!result.startsWith('{')) return { text: result };
  try {
    const { ...rest } = JSON.parse(result) as Record<string, unknown>;
    for (const key of ['output', 'content'] as const) {
      const text = rest[key];
      if (typeof text !== 'string' || text.length < result.length / 2) continue;
      delete rest[key];
      const others = JSON.stringify(rest);
      return others.length > 1_000 ? { text } : { text, rest: others };
    }
  } catch {
    // No JSON, and so text as it is.
  }
  return { text: result };
}

function previewOf(text: string, length: number): string {
  if (text.length <= length) return text;
  // Not in the middle of a character.
  const first = text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
  const line = first.lastIndexOf('\n');
  return line > length / 2 ? first.slice(0, line) : first;
}
