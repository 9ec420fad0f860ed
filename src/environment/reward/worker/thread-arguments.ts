/** Options of Node that decide how a module is found and read. */
const WITH_VALUE = new Set([
  '--conditions',
  '-C',
  '--disable-warning',
  '--experimental-loader',
  '--import',
  '--loader',
  '--require',
  '-r',
]);
const WITHOUT_VALUE = new Set([
  '--enable-source-maps',
  '--experimental-strip-types',
  '--experimental-transform-types',
  '--no-warnings',
  '--preserve-symlinks',
]);

/**
 * What a thread takes over of its process's arguments: only how modules are resolved. A thread
 * refuses options of V8, and others (`--input-type`, `--inspect-brk`) are about the main script.
 */
export function threadArguments(execArgv: readonly string[]): string[] {
  const taken: string[] = [];
  for (const [at, argument] of execArgv.entries()) {
    const [name = ''] = argument.split('=', 1);
    if (WITHOUT_VALUE.has(argument) || (WITH_VALUE.has(name) && name !== argument)) {
      taken.push(argument);
    } else if (WITH_VALUE.has(argument)) {
      const value = execArgv[at + 1];
      if (value !== undefined) taken.push(argument, value);
    }
  }
  return taken;
}
