import { createHash } from 'node:crypto';
import { Environment, parse, tokenize } from '@huggingface/jinja';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import {
  BoundedInterpreter,
  MAX_ITEMS,
  type Observer,
  type TemplateNode,
  tooMuch,
} from './bounded-interpreter.ts';

/** A model's Jinja chat template, read once. */
export interface ChatTemplate {
  /** Of its source and the fixed variables. */
  readonly sha256: string;
  readonly source: string;
  /** Its syntax tree. */
  readonly program: TemplateNode;
  /**
   * What it writes. Variables whose names it doesn't know are nothing to it.
   * @throws invalid_input (`TEMPLATE_REFUSED`) when it raises, as templates do for what they don't know.
   * @throws resource_exhausted (`TEMPLATE_TOO_COSTLY`) when it runs too long or writes too much.
   */
  render(variables: TemplateVariables, observe?: Observer): string;
}

export type TemplateVariables = Readonly<Record<string, unknown>> & {
  readonly messages: readonly unknown[];
  readonly tools?: readonly unknown[] | null;
};

export interface ChatTemplateOptions {
  readonly source: string;
  /** Given to every render, such as `bos_token` or `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What `strftime_now` says, in UTC, for as long as the template lives. */
  readonly now: Date;
}

/** @throws invalid_input when the source isn't a template that can be read here. */
export function createChatTemplate(options: ChatTemplateOptions): ChatTemplate {
  const { variables: fixed = {}, now } = options;
  const source = options.source.replaceAll('\r\n', '\n');
  const program = readProgram(source);
  const strftime_now = clock(now);
  return Object.freeze({
    source,
    program,
    sha256: createHash('sha256')
      .update(JSON.stringify([source, Object.entries(fixed).sort()]))
      .digest('hex'),
    render(variables: TemplateVariables, observe?: Observer): string {
      const environment = new Environment();
      const all = { ...GLOBALS, strftime_now, ...fixed, ...variables };
      for (const [name, value] of Object.entries(all)) environment.set(name, value);
      try {
        const count = variables.messages.length + (variables.tools?.length ?? 0);
        const { value } = new BoundedInterpreter(environment, count, observe).run(program);
        return String(value);
      } catch (cause) {
        throw cause instanceof LachesisError ? cause : refused(cause);
      }
    },
  });
}

function readProgram(source: string): TemplateNode {
  try {
    return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  } catch (cause) {
    throw invalidInput('template', `can't be read: ${errorMessage(cause)}.`, {
      reason: 'TEMPLATE_SYNTAX',
      remedy: 'Give the source of the model’s chat template.',
      cause,
    });
  }
}

/** The names that every chat template may count on, in the spellings that templates use. */
const GLOBALS = Object.freeze({
  false: false,
  true: true,
  none: null,
  False: false,
  True: true,
  None: null,
  range: (start: number, stop?: number, step = 1): number[] => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (length > MAX_ITEMS) throw tooMuch(`a range of over ${MAX_ITEMS} numbers`);
    return Array.from({ length }, (_, index) => from + index * step);
  },
  raise_exception: (message: string): never => {
    throw new TemplateRaised(message);
  },
});

/** The template's own refusal, apart from what it does wrong. */
class TemplateRaised extends Error {}

function refused(cause: unknown): LachesisError {
  const says = errorMessage(cause);
  return new LachesisError(
    'invalid_input',
    cause instanceof TemplateRaised
      ? `The chat template refuses these messages: ${says}`
      : `The chat template fails on these messages: ${says}.`,
    {
      reason: 'TEMPLATE_REFUSED',
      field: 'messages',
      remedy: 'Its model was not trained on a conversation like this one.',
      cause,
    },
  );
}

const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** Python's `strftime` of one moment, in UTC and English whatever the machine's own. */
function clock(now: Date): (format: string) => string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = MONTHS[now.getUTCMonth()]!;
  const day = DAYS[now.getUTCDay()]!;
  const parts: Readonly<Record<string, string>> = {
    Y: String(now.getUTCFullYear()),
    y: two(now.getUTCFullYear() % 100),
    m: two(now.getUTCMonth() + 1),
    B: month,
    b: month.slice(0, 3),
    d: two(now.getUTCDate()),
    A: day,
    a: day.slice(0, 3),
    H: two(now.getUTCHours()),
    M: two(now.getUTCMinutes()),
    S: two(now.getUTCSeconds()),
    '%': '%',
  };
  return (format) => format.replace(/%(.)/g, (whole, letter: string) => parts[letter] ?? whole);
}
