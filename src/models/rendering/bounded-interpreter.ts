import { Interpreter } from '@huggingface/jinja';
import { LachesisError } from '../../errors.ts';

/** A node of a template's syntax tree; the package's own types can't be resolved from its entry. */
export interface TemplateNode {
  readonly type: string;
}

/** A value while a template runs. */
export interface TemplateValue {
  readonly value: unknown;
}

/** Sees each expression of a template with what came of it. */
export type Observer = (node: TemplateNode, result: TemplateValue) => void;

interface PackageInterpreter {
  run(program: unknown): TemplateValue;
  evaluate(node: TemplateNode | undefined, environment: unknown): TemplateValue;
}
// By a name of our own, so that no declaration file of ours leads to the package's.
const PackageInterpreter = Interpreter as new (environment: object) => PackageInterpreter;

/** A step is an expression or statement that is evaluated; a round of a loop costs a few. */
const STEPS = 1_000_000;
/** For each message and tool. */
const STEPS_PER_ITEM = 2_000;
/** Some templates look at all later messages for each: gpt-oss does, for the answer that thoughts led to. */
const STEPS_PER_PAIR = 32;
const STEPS_PER_ROUND = 4;
/** Of one text on the way, and of what is written. */
const MAX_CHARACTERS = 1 << 26;
/** Of one list on the way. */
export const MAX_ITEMS = 1_000_000;

/**
 * Runs a template within bounds: templates are programs that come with a model. What one filter or method
 * does by itself is only seen when it is done.
 */
export class BoundedInterpreter extends PackageInterpreter {
  readonly #observe: Observer | undefined;
  readonly #iterated = new WeakSet<object>();
  #steps: number;

  constructor(environment: object, items: number, observe?: Observer) {
    super(environment);
    this.#steps = STEPS + STEPS_PER_ITEM * items + STEPS_PER_PAIR * items ** 2;
    this.#observe = observe;
  }

  override evaluate(node: TemplateNode | undefined, environment: unknown): TemplateValue {
    this.#spend(1);
    if (node?.type === 'For') {
      const { iterable } = node as { iterable?: TemplateNode & { lhs?: TemplateNode } };
      const list = iterable?.type === 'SelectExpression' ? iterable.lhs : iterable;
      if (list !== undefined) this.#iterated.add(list);
    }
    const result = super.evaluate(node, environment);
    const value: unknown = result.value;
    if (typeof value === 'string') {
      if (value.length > MAX_CHARACTERS)
        throw tooMuch(`a text of over ${MAX_CHARACTERS} characters`);
    } else if (Array.isArray(value)) {
      if (value.length > MAX_ITEMS) throw tooMuch(`a list of over ${MAX_ITEMS} items`);
      // A loop without a body evaluates nothing that could be counted.
      if (node !== undefined && this.#iterated.has(node))
        this.#spend(value.length * STEPS_PER_ROUND);
    }
    if (node !== undefined) this.#observe?.(node, result);
    return result;
  }

  #spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw tooMuch('too many steps');
  }
}

export function tooMuch(what: string): LachesisError {
  return new LachesisError('resource_exhausted', `template: it takes ${what}.`, {
    reason: 'TEMPLATE_TOO_COSTLY',
    field: 'template',
    remedy: 'Look for an endless loop in it: a template is a program of its author’s.',
  });
}
