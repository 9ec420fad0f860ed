/**
 * Of a file as old as the baseline, in the first folder of {@link WIPED} that can be written: what has changed
 * since is found by its change time, which nobody sets by a call.
 */
export const MARK_FORMAT = 'mark %i %y %z %n';

/** More than a sandbox has of its own: a machine with so many is shared with others. */
const MAX_PROCESSES = 64;

/** Emptied by a reset, beside the working directory and a home that was empty. */
const WIPED = '/var/tmp /tmp /dev/shm';

const FUNCTIONS = `
export LC_ALL=C
workdir=$1

# Prints the parent and the start of a process: another process of the same number has another start.
process() {
  sed -n 's/^.*) [^ ] \\([0-9]*\\) .*/\\1/p' "/proc/$1/stat" 2>/dev/null
  sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# Prints what runs as number:start, this script with all that it descends from and its own children left out; to
# be called as $(others), since a subshell in a subshell is a grandchild.
others() {
  own=" $$ "
  pid=$$
  while [ "\${pid:-0}" -gt 1 ]; do
    set -- $(process "$pid")
    pid=$1
    own="$own$pid "
  done
  for path in /proc/[0-9]*; do
    pid=\${path#/proc/}
    case "$own" in *" $pid "*) continue ;; esac
    set -- $(process "$pid")
    [ -z "$2" ] || [ "$1" = "$$" ] || echo "$pid:$2"
  done
}

is_empty() { [ ! -d "$1" ] || [ -z "$(ls -A "$1" 2>/dev/null)" ]; }

# Prints what must be as it was: the mark, the emptied folders, mounts, shared memory, and a path that changed.
state() {
  stat -c '${MARK_FORMAT}' "$mark"
  for dir in "$workdir" $wiped; do
    [ ! -e "$dir" ] && [ ! -L "$dir" ] || stat -c 'folder %i %f %u %g %n' "$dir"
  done
  echo "mounts $(cut -d ' ' -f 2,3,4 /proc/self/mounts | cksum)"
  echo "ipc $(cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg 2>/dev/null | wc -l)"
  echo "host $(cat /proc/sys/kernel/hostname)"
  cut -d ' ' -f 2,3,4 /proc/self/mounts | sort -u | while read -r root type options; do
    # What was made read-only nobody wrote to; that it is so still, the mounts above tell.
    case "$options" in ro | ro,*) continue ;; esac
    case "$type" in proc | sysfs | devpts | cgroup | cgroup2 | mqueue | securityfs | debugfs) continue ;; esac
    case "$root" in /proc/* | /sys/* | /dev/?*) continue ;; esac
    root=$(printf '%b' "$root")
    set -- "$root" -xdev \\( -path "$workdir"
    for dir in $wiped; do set -- "$@" -o -path "$dir"; done
    set -- "$@" -o -path /proc -o -path /sys -o -path /dev/pts -o -path '/dev/pts/*' \\)
    echo "changed $(find "$@" -prune -o -cnewer "$mark" -print -quit 2>/dev/null) $?"
  done
}`;

/** Prints what a fresh sandbox looks like, or `kept` and why it can't be brought back to that. */
export const BASELINE_SCRIPT = `${FUNCTIONS}
kept() { echo "kept: $1"; exit 0; }
[ -r /proc/self/stat ] && [ -r /proc/self/mounts ] || kept 'no /proc'
wiped=
for dir in ${WIPED}; do
  # A link leads to another of them, or to what is not to be emptied.
  [ ! -d "$dir" ] || [ -L "$dir" ] || wiped="$wiped $dir"
done
for dir in "$workdir" $wiped; do is_empty "$dir" || kept "files in $dir"; done
case "$workdir" in / | /usr* | /etc* | /bin* | /lib* | /dev | /var | /proc* | /sys*) kept "$workdir" ;; esac
case "\${HOME:-/}" in *[!A-Za-z0-9._/-]*) ;; /*/*|/root)
  [ -d "$HOME" ] && [ ! -L "$HOME" ] && is_empty "$HOME" && wiped="$wiped $HOME" ;;
esac
[ "$(others | wc -l)" -le ${MAX_PROCESSES} ] || kept 'many processes'
for dir in $wiped; do
  mark=$dir/.lachesis-mark
  (true > "$mark") 2>/dev/null && break
  mark=
done
[ -n "$mark" ] || kept 'no folder to write to'
# File times come in steps: nothing may begin in the mark's own. It also shows that this find knows them.
for round in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.02 2>/dev/null || sleep 1
  true > "$mark-probe"
  newer=$(find "$mark-probe" -cnewer "$mark" -print -quit 2>/dev/null)
  [ -z "$newer" ] || break
done
rm -f "$mark-probe"
[ -n "$newer" ] || kept 'no find -cnewer'
[ -n "$(stat -c %z "$mark" 2>/dev/null)" ] || kept 'no stat -c'
pids=$(others)
echo "pids" $pids
echo "wiped$wiped"
state`;

/** Ends, empties, and prints what the sandbox looks like then. */
export const RESET_SCRIPT = `${FUNCTIONS}
known=" $2 "
wiped=$3
mark=$4
for round in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for each in $(others); do
    case "$known" in *" $each "*) ;; *) left=1; kill -9 "\${each%%:*}" 2>/dev/null ;; esac
  done
  [ -z "$left" ] && break
  sleep 0.05 2>/dev/null || sleep 1
done
for dir in "$workdir" $wiped; do
  [ -e "$dir" ] || [ -L "$dir" ] || continue
  # What a link leads to is not to be emptied.
  [ -d "$dir" ] && [ ! -L "$dir" ] || { echo "no folder: $dir"; exit 0; }
  find "$dir" -xdev -type d ! -perm -700 -exec chmod u+rwx {} \\; 2>/dev/null
  find "$dir" -xdev -mindepth 1 -maxdepth 1 ! -path "$mark" -exec rm -rf -- {} + 2>/dev/null
  left=$(find "$dir" -xdev -mindepth 1 ! -path "$mark" 2>&1 | head -n 1)
  [ -z "$left" ] || { echo "not empty: $left"; exit 0; }
done
pids=$(others)
echo "pids" $pids
echo "wiped$wiped"
state`;
