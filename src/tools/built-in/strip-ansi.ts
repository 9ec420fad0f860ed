const ESC = '\\u001b';
const STRING_END = `(?:\\u0007|\\u009c|${ESC}\\\\)`;
const SEQUENCES = new RegExp(
  [
    // Strings to the terminal itself: titles, links, its clipboard. One that never ends goes to the line's end.
    `(?:${ESC}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u009c\\n]*${STRING_END}?`,
    // Colours, cursor movements, modes.
    `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]?`,
    `${ESC}[ -/]*[0-~]?`,
    // Other control characters, but tab, line feed and carriage return.
    '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]',
  ].join('|'),
  'g',
);

/** A program's output without what a terminal would act on. */
export function stripAnsi(text: string): string {
  return text.replace(SEQUENCES, '');
}
