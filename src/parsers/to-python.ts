const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|true|false|null/g;

/** JSON as a Python literal: strings in single quotes where that needs no escape, other text as it is. */
export function pythonLiteral(json: string): string {
  return json.replace(JSON_TOKEN, (token) => {
    switch (token) {
      case 'true':
        return 'True';
      case 'false':
        return 'False';
      case 'null':
        return 'None';
      default:
        return pythonString(JSON.parse(token) as string);
    }
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what needs an escape
const ESCAPED = /[\\\u0000-\u001f\u007f'"\ud800-\udfff]/gu;

/** A string as Python's `repr` writes it. */
export function pythonString(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const inner = value.replace(ESCAPED, (character) => {
    if (character === "'" || character === '"')
      return character === quote ? `\\${character}` : character;
    switch (character) {
      case '\\':
        return '\\\\';
      case '\n':
        return '\\n';
      case '\r':
        return '\\r';
      case '\t':
        return '\\t';
    }
    const code = character.charCodeAt(0);
    return code > 0xff
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : `\\x${code.toString(16).padStart(2, '0')}`;
  });
  return quote + inner + quote;
}
