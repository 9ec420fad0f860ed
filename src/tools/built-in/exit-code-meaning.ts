/** Exit codes that are an answer, or say what went wrong, by the program that gives them. */
const MEANINGS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  grep: { 1: 'No matches found (not an error)' },
  rg: { 1: 'No matches found (not an error)' },
  diff: { 1: 'Files differ (not an error)' },
  find: { 1: 'Some places could not be searched; what was found may still be right' },
  test: { 1: 'The condition is false (not an error)' },
  curl: {
    6: 'The host name could not be resolved',
    7: 'No connection to the host',
    22: 'The server answered with an HTTP error',
    28: 'The request timed out',
  },
  git: { 1: 'Often no error: `git diff` gives 1 when files differ' },
};
const ALIASES: Readonly<Record<string, string>> = {
  egrep: 'grep',
  fgrep: 'grep',
  '[': 'test',
};

/** What an exit code of a script means by its last program; undefined when it says nothing more. */
export function exitCodeMeaning(script: string, exitCode: number): string | undefined {
  const last = script.split(/&&|\|\||[|;\n]/).findLast((part) => part.trim() !== '');
  const program = last
    ?.trim()
    .split(/\s+/)
    .find((word) => !/^[A-Za-z_]\w*=/.test(word))
    ?.split('/')
    .at(-1);
  if (program === undefined) return undefined;
  const name = Object.hasOwn(ALIASES, program) ? ALIASES[program] : program;
  return name !== undefined && Object.hasOwn(MEANINGS, name)
    ? MEANINGS[name]?.[exitCode]
    : undefined;
}
