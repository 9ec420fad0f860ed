import { shellText } from '../remote/wrapper.ts';

/** In the environment of all that runs in a sandbox, so that what left its process group is found too. */
export const MARKER = 'LACHESIS_SANDBOX';
const KEEPER_MARKER = 'LACHESIS_KEEPER';

/** Where sandboxes are when nobody says: `$base` is empty then. */
const BASE = '[ -n "$base" ] || base=$HOME/.lachesis/sandboxes';

/**
 * Ends all that bears the sandbox's mark, with its process groups, and all that stands in its folder; then removes
 * the folder, whatever its permissions. `grep` looks through all at once: a process for each would be slow.
 */
const END = `standing() {
  ls -ld /proc/[0-9]*/cwd 2>/dev/null | while IFS= read -r line; do
    case $line in *"/cwd -> $root" | *"/cwd -> $root/"*)
      line=\${line#*/proc/}; echo "\${line%%/*}" ;;
    esac
  done
}
end_sandbox() {
  round=0
  while :; do
    left=
    for file in $(grep -lF "${MARKER}=$id" /proc/[0-9]*/environ 2>/dev/null); do
      pid=\${file#/proc/}; pid=\${pid%/environ}
      left="$left $pid"
      { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
      set -- \${stat##*) }
      case $3 in '' | 0 | 1 | *[!0-9]*) ;; *) kill -s KILL -- "-$3" 2>/dev/null ;; esac
    done
    left="$left $(standing)"
    case $left in *[0-9]*) ;; *) break ;; esac
    [ "$round" -lt 50 ] || { echo "$nonce failed processes" $left "outlived SIGKILL"; return 3; }
    kill -s KILL -- $left 2>/dev/null
    round=$((round + 1)); sleep 0.05
  done
  rm -rf -- "$root" 2>/dev/null && return 0
  find "$root" -type d ! -perm -700 -exec chmod u+rwx {} \\; 2>/dev/null
  why=$(rm -rf -- "$root" 2>&1) && return 0
  echo "$nonce failed $why"; return 3
}`;

/**
 * Lives as long as the sandbox, on one session: makes it, tells process groups what is written to it, and ends the
 * sandbox when its input ends, be it that its owner closed it or that the owner is dead, or when its time is over.
 */
const KEEPER = `umask 077; trap '' HUP INT TERM PIPE
nonce=$1 id=$2 base=$3 life=$4 card=$5
fail() { printf '%s failed %s\\n' "$nonce" "$1"; exit 3; }
for tool in setsid tar stat timeout grep find; do
  command -v "$tool" >/dev/null || fail "it has no $tool"
done
[ -r /proc/self/environ ] || fail 'it has no /proc'
${BASE}
why=$(mkdir -p -- "$base" 2>&1) && base=$(cd -- "$base" && pwd -P) || fail "$why"
root=$base/$id
why=$({ mkdir -- "$root" && printf '%s\\n' "$card" >"$root/card.new" &&
  mv -- "$root/card.new" "$root/card.json" &&
  mkdir -- "$root/workspace" "$root/home" "$root/tmp"; } 2>&1) || { rm -rf -- "$root"; fail "$why"; }
${END}
printf '%s ready %s %s\\n' "$nonce" "$(id -u)" "$root"
timeout -s KILL "$life" sh -c 'while read -r signal group; do
  [ "$signal" = PING ] || kill -s "$signal" -- "-$group"; echo "$1 told"
done' sh "$nonce" 2>/dev/null
end_sandbox`;

/** Ends a sandbox whose keeper can't be spoken to, and the keeper first. */
const END_FROM_OUTSIDE = `nonce=$1 id=$2 base=$3
${BASE}
base=$(cd -- "$base" 2>/dev/null && pwd -P) || exit 0
root=$base/$id
for file in $(grep -lF "${KEEPER_MARKER}=$id" /proc/[0-9]*/environ 2>/dev/null); do
  pid=\${file#/proc/}; kill -s KILL -- "\${pid%/environ}" 2>/dev/null
done
${END}
end_sandbox`;

const LIST = `nonce=$1 base=$2
${BASE}
cd -- "$base" 2>/dev/null || exit 0
for card in ssh-*/card.json; do
  [ -f "$card" ] && IFS= read -r line <"$card" && printf '%s %s %s\\n' "$nonce" "\${card%%/*}" "$line"
done
exit 0`;

/** Lines that are ours begin with `nonce`: what the account's shell says of itself does not. */
export interface ScriptTarget {
  readonly nonce: string;
  /** Empty: the default. */
  readonly folder: string;
}

export function keeperLine(
  { nonce, folder }: ScriptTarget,
  sandbox: { readonly id: string; readonly lifeSeconds: number; readonly card: string },
): string {
  const { id, lifeSeconds, card } = sandbox;
  const words = ['sh', '-c', KEEPER, 'sh', nonce, id, folder, String(lifeSeconds), card];
  return shellText(['env', `${KEEPER_MARKER}=${id}`, ...words]);
}

export function endLine({ nonce, folder }: ScriptTarget, id: string): string {
  return shellText(['sh', '-c', END_FROM_OUTSIDE, 'sh', nonce, id, folder]);
}

export function listLine({ nonce, folder }: ScriptTarget): string {
  return shellText(['sh', '-c', LIST, 'sh', nonce, folder]);
}
