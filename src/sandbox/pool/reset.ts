import { LachesisError } from '../../errors.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import { outputText } from '../exec/output-text.ts';

const TIMEOUT_MS = 55_000;

/** Emptied by a reset. */
const WIPED = '/tmp /var/tmp /dev/shm';
/** Must not have changed since the sandbox was new. */
const WATCHED = '/bin /sbin /lib /lib64 /usr /etc /opt /root /home /srv /var';
/** As old as the baseline. Nobody can set a file's change time, so one that was tampered with shows. */
const MARK = '/var/tmp/.lachesis-mark';

/** Prints what runs; the script, its children and the shell that a backend may run it under are left out. */
const PROCESSES = `
others() {
  for path in /proc/[0-9]*; do
    pid=\${path#/proc/}
    [ "$pid" = "$$" ] || [ "$pid" = "$PPID" ] && continue
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "$path/status" 2>/dev/null)
    [ -z "$parent" ] || [ "$parent" = "$$" ] || echo "$pid"
  done
}`;

/** Prints the mark's own times, and one path that changed after it, if there is any. */
const CHANGES = `
changes() {
  stat -c '%i %y %z' ${MARK}
  for root in ${WATCHED}; do
    [ -e "$root" ] || continue
    find "$root" -xdev \\( -path "$1" -o -path /var/tmp \\) -prune -o -cnewer ${MARK} -print 2>/dev/null | head -n 1
  done
}`;

const IS_EMPTY = `
is_empty() { [ ! -d "$1" ] || [ -z "$(ls -A "$1" 2>/dev/null)" ]; }`;

const BASELINE = `${PROCESSES}${CHANGES}${IS_EMPTY}
for dir in "$1" ${WIPED}; do is_empty "$dir" || { echo kept; exit; }; done
mkdir -p /var/tmp && : > ${MARK} || exit 1
echo $(others)
changes "$1"`;

const RESET = `${PROCESSES}${CHANGES}${IS_EMPTY}
for round in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for pid in $(others); do
    case " $2 " in *" $pid "*) ;; *) left=1; kill -9 "$pid" 2>/dev/null ;; esac
  done
  [ -z "$left" ] && break
  sleep 0.05
done
for dir in "$1" ${WIPED}; do
  [ -d "$dir" ] || continue
  chmod -R u+rwx "$dir" 2>/dev/null
  find "$dir" -xdev -mindepth 1 -depth ! -path ${MARK} -exec rm -rf -- {} + 2>/dev/null
  left=$(find "$dir" -xdev -mindepth 1 ! -path ${MARK} | head -n 1)
  [ -z "$left" ] || { echo "not empty: $dir"; exit; }
done
echo $(others)
changes "$1"`;

/**
 * What a fresh sandbox looks like. Undefined where it can't be brought back to it: its working directory came
 * with files, which emptying would take away.
 */
export async function takeBaseline(
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = await run(sandbox, [BASELINE, 'sh', sandbox.workdir], signal);
  return text === 'kept' ? undefined : text;
}

/**
 * Ends what runs, empties what tenants may write to, and compares the rest with the baseline. Rejects with
 * RESET_DIFFERS where anything is not as it was: such a sandbox is nobody else's.
 */
export async function resetSandbox(
  sandbox: Sandbox,
  baseline: string,
  signal: AbortSignal,
): Promise<void> {
  const [processes = ''] = baseline.split('\n');
  const text = await run(sandbox, [RESET, 'sh', sandbox.workdir, processes], signal);
  if (text === baseline) return;
  throw new LachesisError(
    'infrastructure_error',
    `Sandbox ${sandbox.id} is not as it was when it was new: ${JSON.stringify(text.slice(0, 500))}.`,
    { reason: 'RESET_DIFFERS' },
  );
}

async function run(
  sandbox: Sandbox,
  [script, ...args]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string> {
  const result = await sandbox.exec(
    { argv: ['sh', '-c', script, ...args], cwd: '/' },
    { timeoutMs: TIMEOUT_MS, signal },
  );
  signal.throwIfAborted();
  if (result.exitCode === 0) return outputText(result.stdout).trim();
  const why = outputText(result.stderr).trim() || `exit code ${result.exitCode}`;
  throw new LachesisError('infrastructure_error', `The reset of ${sandbox.id} failed: ${why}`, {
    reason: 'RESET_FAILED',
  });
}
