import type { TemplateNode } from './bounded-interpreter.ts';

/** What a template's source says of the texts and counts that it may tell apart. */
export interface TemplateWords {
  /** Looked for in texts, or what a text may be said to be: in lower case, without white space around. */
  readonly held: Set<string>;
  readonly equal: Set<string>;
  /** Comparisons of a text's length with zero: whether there is one at all. */
  readonly emptiness: WeakSet<object>;
  /** Why a template may do other things after other numbers of messages; undefined: it can't count so far. */
  readonly counts: string | undefined;
}

/** Of a word in a template, or of a text that may hold it. */
export const folded = (text: string): string => text.trim().toLowerCase();

/** Methods of a text that look for a word in it. */
export const WORD_METHODS: ReadonlySet<string> = new Set(
  'startswith endswith split rsplit replace find rfind index count'.split(' '),
);

/** Filters that make numbers. */
const NUMERIC: ReadonlySet<string> = new Set(['int', 'float', 'sum', 'round']);
/** Arguments that only say how something is laid out. */
const LAYOUT: ReadonlySet<string> = new Set(['indent', 'width']);

/** More than this, together, lets a template do something after so many turns that nobody tries. */
const MAX_COUNT = 3;

/**
 * Reads it off a syntax tree: every word and number in a place where it can decide something, and the
 * numbers of the variables that it is given.
 */
export function templateWords(
  program: TemplateNode,
  variables: Readonly<Record<string, unknown>> = {},
): TemplateWords {
  const held = new Set<string>();
  const equal = new Set<string>();
  const emptiness = new WeakSet<object>();
  const numbers = new Set(
    Object.values(variables)
      .filter((value) => typeof value === 'number')
      .map(Math.abs),
  );
  let calculates = false;
  const keep = (into: Set<string>, word: string): void => {
    if (folded(word) !== '') into.add(folded(word));
  };
  const put = (into: Set<string>, node: unknown): void => {
    for (const word of literalsIn(node)) keep(into, word);
  };
  const visit = (given: unknown): void => {
    for (const node of nodesIn(given)) {
      switch (node.type) {
        case 'BinaryExpression': {
          const operator = (node['operator'] as { value: string }).value;
          const sides = [node['left'], node['right']] as TemplateNode[];
          if (operator === 'in' || operator === 'not in') {
            // A bare word may be the name of a field; where a text is asked for it, that is seen at work.
            for (const word of literalsIn(sides[0])) if (/\W/.test(word)) keep(held, word);
          }
          if (['in', 'not in', '==', '!='].includes(operator)) put(equal, sides);
          if (['*', '**', '/', '//'].includes(operator)) calculates = true;
          if (sides.some((side) => numberOf(side) === 0) && ['==', '!=', '>'].includes(operator)) {
            for (const side of sides) emptiness.add(side);
          }
          break;
        }
        case 'CallExpression': {
          const callee = node['callee'] as AnyNode;
          const name = (callee['property'] as { value?: unknown } | undefined)?.value;
          if (WORD_METHODS.has(String(name))) put(held, node['args']);
          // Of a filter: of the messages those whose field is such and such.
          if (callee.type === 'Identifier') put(equal, node['args']);
          break;
        }
        case 'FilterExpression': {
          const filter = node['filter'] as AnyNode;
          if (NUMERIC.has(String(filter['value'] ?? (filter['callee'] as AnyNode)['value']))) {
            calculates = true;
          }
          break;
        }
        case 'KeywordArgumentExpression':
          if (LAYOUT.has((node['key'] as { value: string }).value)) continue;
          break;
        case 'IntegerLiteral':
          numbers.add(Math.abs(node['value'] as number));
          break;
        case 'FloatLiteral':
          calculates = true;
      }
      for (const child of Object.values(node)) visit(child);
    }
  };
  visit(program);
  const most = [...numbers].reduce((sum, number) => sum + number, 0);
  const counts = calculates
    ? 'it calculates'
    : most > MAX_COUNT
      ? `it compares numbers up to ${Math.max(...numbers)}`
      : undefined;
  return { held, equal, emptiness, counts };
}

type AnyNode = TemplateNode & Readonly<Record<string, unknown>>;

/** The nodes of a field of a node. */
function nodesIn(given: unknown): AnyNode[] {
  if (Array.isArray(given)) return given.flatMap(nodesIn);
  if (given instanceof Map) return [...given].flatMap(nodesIn);
  return typeof given === 'object' && given !== null && 'type' in given ? [given as AnyNode] : [];
}

function numberOf(node: TemplateNode | undefined): number | undefined {
  return node?.type === 'IntegerLiteral' ? ((node as AnyNode)['value'] as number) : undefined;
}

/** The texts that an expression is, or lists. */
function literalsIn(given: unknown): string[] {
  return nodesIn(given).flatMap((node) => {
    switch (node.type) {
      case 'StringLiteral':
        return [node['value'] as string];
      case 'ArrayLiteral':
      case 'TupleLiteral':
      case 'ObjectLiteral':
        return literalsIn(node['value']);
      default:
        return [];
    }
  });
}
