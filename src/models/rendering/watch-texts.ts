import type { Observer, TemplateNode, TemplateValue } from './bounded-interpreter.ts';
import { isMarked } from './marked-text.ts';
import { folded, type TemplateWords, WORD_METHODS } from './template-words.ts';

/** They give back the text, or tell it apart by nothing but what it holds. */
const FILTERS = new Set(
  'trim string safe lower upper title capitalize tojson e escape indent default d replace'.split(
    ' ',
  ),
);
const METHODS = new Set('strip lstrip rstrip lower upper title capitalize'.split(' '));

/**
 * Watches a template at work on marked texts, and notes the words that it looks for in them. What it can
 * learn of a text that holds none of the words is then the same for all such texts, unless it looks
 * closer, at a length or a letter, which `onCloseLook` is told.
 */
export function createTextWatch(
  words: TemplateWords,
  onCloseLook: (what: string) => void,
): Observer {
  const known = new WeakMap<object, TemplateValue>();
  const texts = (
    node: unknown,
  ): { readonly isMarked: boolean; readonly text: string } | undefined => {
    const value: unknown = known.get(node as object)?.value;
    return typeof value === 'string' ? { isMarked: isMarked(value), text: value } : undefined;
  };
  const isText = (node: unknown): boolean => texts(node)?.isMarked === true;
  /** Whether the argument is a word to look for; then it is noted. */
  const isWord = (node: unknown): boolean => {
    const word = texts(node);
    if (word === undefined || word.isMarked || folded(word.text) === '') return false;
    words.held.add(folded(word.text));
    return true;
  };

  const lookAt: Record<string, (node: Readonly<Record<string, unknown>>) => void> = {
    FilterExpression(node) {
      if (!isText(node['operand'])) return;
      const filter = node['filter'] as Readonly<Record<string, unknown>>;
      const isCall = filter['type'] === 'CallExpression';
      const name = (
        isCall ? (filter['callee'] as { value: string }).value : filter['value']
      ) as string;
      const isEmptiness = name === 'length' && words.emptiness.has(node);
      const [first] = isCall ? (filter['args'] as unknown[]) : [];
      if (isEmptiness || (FILTERS.has(name) && (name !== 'replace' || isWord(first)))) return;
      onCloseLook(`it looks at the ${name} of a text`);
    },
    MemberExpression(node) {
      if (node['computed'] === true && (isText(node['object']) || isText(node['property']))) {
        onCloseLook('it looks at letters of a text');
      }
    },
    CallExpression(node) {
      const callee = node['callee'] as Readonly<Record<string, unknown>>;
      if (callee['type'] !== 'MemberExpression' || !isText(callee['object'])) return;
      const name = (callee['property'] as { value: string }).value;
      const [first] = node['args'] as unknown[];
      if (METHODS.has(name) || (WORD_METHODS.has(name) && isWord(first))) return;
      onCloseLook(`it looks at the ${name} of a text`);
    },
    BinaryExpression(node) {
      const { value: operator } = node['operator'] as { value: string };
      const [left, right] = [node['left'], node['right']];
      if (!isText(left) && !isText(right)) return;
      switch (operator) {
        case 'in':
        case 'not in':
          if (isText(right) && !isWord(left)) onCloseLook('it looks for one text in another');
          break;
        case '==':
        case '!=':
          if (isText(left) && isText(right)) onCloseLook('it compares texts');
          for (const side of [left, right]) {
            const word = texts(side);
            if (word !== undefined && !word.isMarked) words.equal.add(folded(word.text));
          }
          break;
        case '<':
        case '>':
        case '<=':
        case '>=':
          onCloseLook('it orders texts');
      }
    },
  };

  return (node: TemplateNode, result: TemplateValue) => {
    known.set(node, result);
    lookAt[node.type]?.(node as unknown as Readonly<Record<string, unknown>>);
  };
}
