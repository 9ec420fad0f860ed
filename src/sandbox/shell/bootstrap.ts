import { shellWord } from '../exec/shell-word.ts';

/**
 * What every call of the shell runs, in one line so that bash counts the script's own lines from 1. It reads
 * fields that end in NUL from its input: nonce, `1` when the names of the environment are wanted, directory,
 * where to go when that is gone (nothing: it must be entered), parts of the state, an empty one, the script.
 * Builtins only: a broken PATH
 * breaks the command and not the shell. Every word that a function of the state could stand for is `builtin`.
 */

/** Beside the exported variables, functions and aliases; `set -e` and `set -u` are of one command. */
const KEPT_OPTIONS =
  'extglob globstar nullglob dotglob nocaseglob nocasematch failglob lastpipe expand_aliases';
const KEPT_SET_OPTIONS = 'pipefail noclobber noglob';

const read = (name: string): string => `IFS= builtin read -r -d '' ${name};`;

const READ_STATE = [
  '__lx_parts=();',
  `while IFS= builtin read -r -d '' __lx_part && [[ -n $__lx_part ]]; do __lx_parts+=("$__lx_part"); done;`,
  read('__lx_script'),
];

/** Each part by itself: one that bash can't read again takes no other with it. */
const RESTORE = [
  `for __lx_part in "\${__lx_parts[@]}"; do`,
  'builtin eval -- "$__lx_part" >/dev/null 2>&1;',
  'done;',
];

/** Writes the state to descriptor 3, once. Functions last but one, since their number is anybody's. */
const DUMP = [
  `if [[ -z \${__lx_done-} ]]; then __lx_done=1; {`,
  'builtin set +eu;',
  `builtin printf '\\0%s state\\0' "$__lx_nonce"; builtin pwd; builtin printf '\\0';`,
  `builtin shopt -p ${KEPT_OPTIONS}; builtin shopt -po ${KEPT_SET_OPTIONS}; builtin printf '\\0';`,
  `builtin export -p; builtin printf '\\0';`,
  'if builtin compgen -A function >/dev/null; then (',
  `IFS=$'\\n'; builtin set -f;`,
  'for __lx_part in $(builtin compgen -A function); do',
  `if [[ $__lx_part != builtin ]]; then builtin declare -f -- "$__lx_part"; builtin printf '\\0'; fi;`,
  'done;',
  `builtin export -f; builtin printf '\\0'; );`,
  'fi;',
  `builtin alias -p; builtin printf '\\0%s end\\0' "$__lx_nonce";`,
  '} >&3 2>/dev/null; fi',
].join(' ');

/**
 * First of all that follows a command: takes its traces, its traps and a function of its own called `builtin`
 * out of our way. Only in POSIX mode do `unset` and its like go before functions, and the mode changes an
 * option that is kept. Nothing of it is printed, also by a trap that runs before it is gone.
 */
const QUIETLY = [
  '{ __lx_code=$? __lx_options=$BASHOPTS;',
  'if [[ ! -o posix ]]; then POSIXLY_CORRECT=; \\unset -f builtin; \\unset POSIXLY_CORRECT; fi;',
  'builtin trap - DEBUG ERR RETURN; builtin set +x;',
  'if [[ :$__lx_options: == *:expand_aliases:* ]]; then builtin shopt -s expand_aliases;',
  'else builtin shopt -u expand_aliases; fi;',
  '} >/dev/null 2>&1;',
].join(' ');

export const SHELL_BOOTSTRAP = [
  'exec 3>&2 2>&1; shopt -s expand_aliases;',
  ...['__lx_nonce', '__lx_names', '__lx_dir', '__lx_home'].map(read),
  ...READ_STATE,
  'exec </dev/null;',
  `if [[ -n $__lx_names ]]; then { printf '\\0%s names\\0' "$__lx_nonce"; compgen -e; printf '\\0'; } >&3; fi;`,
  ...RESTORE,
  `__lx_dump=${shellWord(DUMP)};`,
  `builtin trap -- ${shellWord(`${QUIETLY} builtin eval -- "$__lx_dump" 2>/dev/null`)} EXIT;`,
  `__lx_old=\${OLDPWD-};`,
  'if ! builtin cd -- "$__lx_dir"; then',
  'if [[ -z $__lx_home ]]; then builtin exit 126; fi;',
  'builtin cd -- "$__lx_home" 2>/dev/null || builtin cd /;',
  `builtin printf 'bash: the working directory is gone; now in %s\\n' "$PWD";`,
  'fi;',
  'if [[ -n $__lx_old ]]; then OLDPWD=$__lx_old; fi;',
  // A program that goes on in the background must not hold the frame's descriptor.
  '{ builtin eval -- "$__lx_script"; } 3>&-;',
  QUIETLY,
  'builtin eval -- "$__lx_dump"; builtin exit "$__lx_code"',
].join(' ');

/** Of a background program: the same state, and its input stays open after the script. */
export const BACKGROUND_BOOTSTRAP = [
  'exec 2>&1; shopt -s expand_aliases;',
  read('__lx_dir'),
  ...READ_STATE,
  ...RESTORE,
  'if ! builtin cd -- "$__lx_dir"; then builtin exit 126; fi;',
  'builtin eval -- "$__lx_script"',
].join(' ');

/** A script that runs this one in a terminal of its own; its input and output go through it. */
export function inTerminal(script: string): string {
  return [
    'if ! builtin command -v script >/dev/null; then',
    `builtin printf 'a terminal needs the program script of util-linux in the sandbox\n'; builtin exit 127; fi;`,
    `SHELL=$BASH builtin exec script -qefc ${shellWord(`stty cols 120 rows 40; ${script}`)} /dev/null`,
  ].join(' ');
}

/** The program and its arguments that run a bootstrap. */
export function bashArgv(bootstrap: string): [string, ...string[]] {
  return ['bash', '--noprofile', '--norc', '-c', bootstrap, 'bash'];
}
