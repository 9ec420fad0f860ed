// own-grammar.ts
import { argumentsJson, blockParser, createParserRegistry, noCall, readArguments } from 'lachesis';

const OPEN = '[CALL ';
const LONGEST_NAME = 64;

/** `[CALL name]{"a": 1}`, repeatable. */
const acmeParser = blockParser({
  name: 'acme',
  openers: [OPEN],
  read({ text, find }, start) {
    const at = start + OPEN.length;
    const close = find(']', at);
    if (Math.min(close, text.length) - at > LONGEST_NAME) {
      return noCall('malformed', 'the name is too long', at);
    }
    if (close >= text.length - 1) return noCall('cut_off', 'no arguments yet', text.length);
    const read = readArguments(text, close + 1);
    if (read.kind === 'incomplete') return noCall('cut_off', 'the text ends inside', text.length);
    if (read.kind === 'invalid') return noCall('malformed', 'no JSON follows the name', close + 1);
    const { argumentsText, end } = read;
    return { end, calls: [{ name: text.slice(at, close), argumentsText }] };
  },
  renderCalls: (calls) =>
    calls
      .map(({ name, argumentsText }) => `${OPEN}${name}]${argumentsJson(argumentsText)}`)
      .join('\n'),
});

export const parsers = createParserRegistry({ acme: acmeParser }, [[/^acme-/, 'acme']]);
