import { invalidInput } from '../errors.ts';
import { hermesParser } from './hermes.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

export interface ParserRegistry {
  /** Sorted. */
  readonly names: readonly string[];
  /** Throws `invalid_input` that lists the names there are. */
  get(name: string): ToolCallParser;
}

/** The built-in grammars under their names and aliases. */
export const BUILT_IN_PARSERS: Readonly<Record<string, ToolCallParser>> = Object.freeze({
  hermes: hermesParser,
  qwen: hermesParser,
});

/** A registry of the built-in grammars and of `more`, which win over built-in ones of the same name. */
export function createParserRegistry(
  more: Readonly<Record<string, ToolCallParser>> = {},
): ParserRegistry {
  const parsers = new Map(Object.entries({ ...BUILT_IN_PARSERS, ...more }));
  const names = Object.freeze([...parsers.keys()].sort());
  return Object.freeze({
    names,
    get(name: string): ToolCallParser {
      const parser = parsers.get(name);
      if (parser === undefined) {
        throw invalidInput('toolCallParser', `there is no parser "${name}".`, {
          reason: 'UNKNOWN_PARSER',
          remedy: `Give one of: ${names.join(', ')}.`,
        });
      }
      return parser;
    },
  });
}
