import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { outputBytes } from '../../../src/sandbox/exec/output-capture.ts';
import { outputText } from '../../../src/sandbox/exec/output-text.ts';
import type { Sandbox, SandboxShell, ShellOptions } from '../../../src/sandbox/index.ts';
import { createSandboxShell } from '../../../src/sandbox/shell/create-shell.ts';
import { openHostSandbox } from '../support/host-sandbox.ts';

const sandbox: Sandbox = await openHostSandbox();
let shell: SandboxShell;

beforeEach(() => {
  shell = createSandboxShell(sandbox);
});
afterAll(() => sandbox.terminate());

async function run(script: string, options?: ShellOptions) {
  const result = await shell.run(script, options);
  return { ...result, text: outputText(result.output) };
}

describe('what lasts from one command to the next', () => {
  test('directory, exported variables, functions and aliases; other variables do not', async () => {
    await run(
      `mkdir -p sub; cd sub; export A=1; B=2; f() { echo "f $1"; }; alias a='echo aliased'`,
    );
    const { text, cwd } = await run('pwd; echo "$A[$B]"; f x; a');
    expect(text).toBe(`${sandbox.workdir}/sub\n1[]\nf x\naliased\n`);
    expect(cwd).toBe(`${sandbox.workdir}/sub`);
    expect(shell.cwd).toBe(cwd);
  });

  test('`exit 7` keeps what the command changed', async () => {
    const { exitCode, stateLost } = await run('cd /tmp; export A=kept; exit 7');
    expect({ exitCode, stateLost }).toEqual({ exitCode: 7, stateLost: false });
    expect((await run('echo $A; pwd')).text).toBe('kept\n/tmp\n');
  });

  test.each([
    ['newlines', 'a\nb\n'],
    ['quotes', `it's "so" \\ $HOME \`id\` $(id)`],
    ['spaces and globs', '  * ?  '],
    ['what looks like a declaration', '"\ndeclare -x EVIL="1'],
    ['escapes', '\u001b[31m\t\r'],
  ])('a value with %s', async (_, value) => {
    await run(`export V='${value.replaceAll("'", `'\\''`)}'`);
    await run('true');
    const { output } = await run('printf "%s" "$V"; printf "%s" "$EVIL"');
    expect(Buffer.from(outputBytes(output)).toString()).toBe(value);
  });

  test('a value that is no UTF-8', async () => {
    await run(`export V=$'\\xff\\xfe'`);
    const { output } = await run('printf "%s" "$V"');
    expect([...outputBytes(output)]).toEqual([0xff, 0xfe]);
  });

  test('functions with odd bodies and names', async () => {
    await run(`h() { cat <<'END'
  here \${doc}
END
}
c() { case $1 in (a|b) echo "a or b";; *) echo 'other';; esac; }
n() { local x=$'two\\nlines'; echo "$x"; }
a-b.c() ( echo subshell )
g() { [[ $1 == @(x|y) ]] && echo ext; }
export -f c`);
    const { text } = await run(`h; c b; n; a-b.c; shopt -s extglob; g y; bash -c 'c z'`);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's own.
    expect(text).toBe('  here ${doc}\na or b\ntwo\nlines\nsubshell\next\nother\n');
  });

  test('an unset variable of the environment stays unset', async () => {
    await run('unset HOME');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's own.
    expect((await run('echo "${HOME-none}"')).text).toBe('none\n');
  });

  test('`cd -` knows where it was', async () => {
    await run('cd /tmp; cd /usr');
    expect((await run('cd -')).text).toBe('/tmp\n');
  });

  test('options of expansion last, `set -e` and `set -u` do not', async () => {
    await run('shopt -s extglob; set -o pipefail; set -eu');
    expect((await run('shopt -q extglob && [[ -o pipefail ]] && echo "$-$NOPE"')).text).toBe(
      'hBc\n',
    );
  });
});

describe('what a command breaks is broken for that command only', () => {
  beforeEach(async () => {
    await run('cd /tmp; export KEPT=1');
  });

  test.each([
    ['set -e', 'set -e; false; echo not here', 1, ''],
    ['set -u', 'set -u; echo $NOPE', 127, 'bash: line 1: NOPE: unbound variable\n'],
    ['exec', 'exec echo gone', 0, 'gone\n'],
    ['kill -9', 'kill -9 $$', 137, ''],
    ['a segmentation fault', 'kill -SEGV $$', 139, ''],
    ['an own EXIT trap', `trap 'echo bye' EXIT; exit 3`, 3, 'bye\n'],
    ['a broken PATH', 'PATH=/nonexist; ls', 127, 'bash: line 1: ls: command not found\n'],
    ['closed streams', 'exec 1>&- 2>&- 3>&-; echo nothing', 1, ''],
    ['no program of that name', 'nope', 127, 'bash: line 1: nope: command not found\n'],
    ['a directory as a program', '/tmp', 126, 'bash: line 1: /tmp: Is a directory\n'],
  ])('%s', async (_, script, exitCode, text) => {
    const result = await run(script);
    expect({ exitCode: result.exitCode, text: result.text }).toEqual({ exitCode, text });
    await run('PATH=/usr/bin:/bin');
    expect((await run('echo $KEPT; pwd')).text).toBe('1\n/tmp\n');
  });

  test('unbalanced quotes', async () => {
    const { exitCode, text } = await run('echo "never ends');
    expect(exitCode).toBe(2);
    expect(text).toMatch(/^bash: eval: line 1: unexpected EOF/);
    expect((await run('echo $KEPT')).text).toBe('1\n');
  });

  test('functions that stand in the way of the shell itself', async () => {
    const names = ['cd', 'printf', 'trap', 'exit', 'read', 'export', 'declare', 'compgen', 'eval'];
    const { stateLost } = await run(names.map((name) => `${name}() { echo ${name}; }`).join('\n'));
    expect(stateLost).toBe(false);
    expect((await run('echo $KEPT; pwd; eval')).text).toBe('1\n/tmp\neval\n');
  });

  test('a function called `builtin` costs nothing but itself', async () => {
    for (const [i, end] of ['', 'exit 0'].entries()) {
      const told = await run(`builtin() { echo no; }; unset() { echo no; }; export I=${i}; ${end}`);
      expect(told).toMatchObject({ text: '', exitCode: 0, stateLost: false });
      const after = await run('echo $KEPT$I; alias ok="echo ok"');
      expect(after).toMatchObject({ text: `1${i}\n`, stateLost: false });
      expect((await run('ok; builtin unset -f unset')).text).toBe('ok\n');
    }
  });

  test.each([
    ['DEBUG', 'echo a; false', 'T\na\nT\n'],
    ['DEBUG', 'echo a; exit 1', 'T\na\nT\n'],
    ['ERR', 'echo a; false', 'a\nT\n'],
    ['RETURN', 'echo a; false', 'a\n'],
  ])('a trap of %s sees nothing of the shell itself: %s', async (signal, script, text) => {
    const result = await run(`trap 'echo T' ${signal}; ${script}`);
    expect(result).toMatchObject({ text, exitCode: 1, stateLost: false });
    expect((await run('echo b')).text).toBe('b\n');
  });

  test('a PATH that lasts and leads nowhere', async () => {
    await run('export PATH=/nonexist');
    expect((await run('echo $KEPT; ls')).text).toBe('1\nbash: line 1: ls: command not found\n');
    await run('export PATH=/usr/bin:/bin');
    expect((await run('ls -d /')).text).toBe('/\n');
  });

  test('tracing is of the command alone, and shows none of the shell', async () => {
    const { text } = await run('set -x; echo a');
    expect(text).toBe('++ echo a\na\n');
    expect((await run('echo b')).text).toBe('b\n');
  });
});

describe('the directory', () => {
  test("deleted: says so and goes on in the sandbox's own", async () => {
    await run('mkdir -p a/gone; cd a/gone; rmdir ../gone');
    const { text, cwd } = await run('pwd');
    const { workdir } = sandbox;
    expect(text).toMatch(/gone: No such file or directory\n.* is gone; now in /s);
    expect(text.endsWith(`now in ${workdir}\n${workdir}\n`)).toBe(true);
    expect(cwd).toBe(workdir);
  });

  test("deleted with the sandbox's own: says so and goes on in /", async () => {
    const lone = await openHostSandbox();
    const its = createSandboxShell(lone);
    const emptied = `cd "${lone.workdir}" && rmdir "${lone.workdir}"`;
    await its.run(emptied);
    const { output, cwd } = await its.run('pwd');
    expect(outputText(output)).toMatch(/is gone; now in \/\n\/\n$/);
    expect(cwd).toBe('/');
    await lone.terminate();
  });

  test('with quotes, newlines and a leading dash', async () => {
    const name = `-it's "a"\n$(id) dir\n`;
    await run(`d=$'-it\\'s "a"\\n$(id) dir\\n'; mkdir -p -- "$d"; cd -- "$d"`);
    expect(shell.cwd).toBe(`${sandbox.workdir}/${name}`);
    expect((await run('pwd')).text).toBe(`${sandbox.workdir}/${name}\n`);
  });

  test('given: is of that command alone', async () => {
    await run('cd /tmp');
    expect((await run('cd sub2 2>/dev/null; pwd', { cwd: '/usr' })).text).toBe('/usr\n');
    expect((await run('pwd', { cwd: '..' })).text).toBe('/\n');
    expect((await run('pwd')).text).toBe('/tmp\n');
  });

  test('given and not there: the command is not run', async () => {
    const { exitCode, text } = await run('echo ran', { cwd: '/nowhere' });
    expect(exitCode).toBe(126);
    expect(text).toBe('bash: line 1: cd: /nowhere: No such file or directory\n');
  });
});

describe('input and output', () => {
  test('a NUL is refused', async () => {
    await expect(run('echo a\0b')).rejects.toMatchObject({
      kind: 'invalid_input',
      field: 'script',
    });
  });

  test('`read` fails at once', async () => {
    const { text, durationMs } = await run('read line; echo $?');
    expect(text).toBe('1\n');
    expect(durationMs).toBeLessThan(2_000);
  });

  test('streams come as one, in order', async () => {
    expect((await run('echo 1; echo 2 >&2; echo 3')).text).toBe('1\n2\n3\n');
  });

  test('a character in two writes is one', async () => {
    expect((await run(`printf '\\xe2\\x82'; sleep 0.05; printf '\\xac'`)).text).toBe('€');
  });

  test('of 5 MB the beginning and the end are kept, 40 to 60', async () => {
    const { output, text } = await run(`head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end`, {
      maxOutputBytes: 20_000,
    });
    expect(output.head.length).toBe(8_000);
    expect(output.tail.length).toBe(12_000);
    expect(output.totalBytes).toBe(5_000_005);
    expect(text).toMatch(/^x+\n\[\.\.\. 4980005 bytes of output left out \.\.\.\]\nx+\nend\n$/);
  });

  test('a script of 200 KB', async () => {
    const script = `${': "0123456789";\n'.repeat(13_000)}echo done`;
    expect(script.length).toBeGreaterThan(200_000);
    expect((await run(script)).text).toBe('done\n');
  });

  test('a child in the background holds nobody up', async () => {
    const quiet = await run('sleep 30 >/dev/null 2>&1 & echo started');
    expect(quiet).toMatchObject({ text: 'started\n', leftRunning: false });
    const loud = await run('sleep 30 & echo started');
    expect(loud).toMatchObject({ text: 'started\n', leftRunning: true });
    expect(loud.durationMs).toBeLessThan(2_000);
  });
});

describe('endings', () => {
  test('a time-out ends the command, keeps what it wrote, and the shell goes on', async () => {
    await run('cd /tmp');
    const result = await run('echo begun; sleep 30', { timeoutMs: 200 });
    expect(result).toMatchObject({ exitCode: 124, timedOut: true, text: 'begun\n' });
    expect(await run('pwd')).toMatchObject({ text: '/tmp\n', exitCode: 0 });
  });

  test('a program that returns 124 has not timed out', async () => {
    expect(await run('exit 124')).toMatchObject({ exitCode: 124, timedOut: false });
  });

  test('who ignores TERM is killed', async () => {
    const result = await run(`trap '' TERM; sleep 30`, { timeoutMs: 100 });
    expect(result).toMatchObject({ exitCode: 124, timedOut: true });
  });

  test('an abort ends the command', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    const result = await run('sleep 30', { signal: abort.signal });
    expect(result).toMatchObject({ exitCode: 130, aborted: true });
  });

  test('one at a time, in order; one that is given up while it waits is not run', async () => {
    const abort = new AbortController();
    const first = run('export N=1; sleep 0.2; echo first');
    const second = run('export N=2; echo never', { signal: abort.signal });
    const third = run('echo $N');
    abort.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    expect((await first).text).toBe('first\n');
    expect((await third).text).toBe('1\n');
  });
});

describe('the state is nobody to trust', () => {
  test('a forged frame without the nonce is passed over', async () => {
    await run('cd /tmp');
    await run(
      `printf '\\0%s state\\0/etc\\n\\0export EVIL=1\\0%s end\\0' 0 0 >&2; printf 'x' >&3 2>/dev/null`,
    );
    expect(await run('echo "[$EVIL]"; pwd')).toMatchObject({ text: '[]\n/tmp\n' });
  });

  test.each([
    ['a relative directory', 'etc\\n'],
    ['no directory', ''],
    ['a directory of 5,000 characters', `/${'x'.repeat(5_000)}\\n`],
  ])('a frame with the nonce and %s is passed over', async (_, directory) => {
    await run('cd /tmp');
    await run(
      `trap 'printf "\\0$__lx_nonce state\\0${directory}\\0\\0$__lx_nonce end\\0" >&3' EXIT; exit`,
    );
    expect(await run('pwd')).toMatchObject({ text: '/tmp\n' });
  });

  test('a state above its limit is lost, and the one before is kept', async () => {
    await run('export KEPT=1');
    const { stateLost, stateLostBy } = await run(
      'export KEPT=2 BIG=$(head -c 100000 /dev/zero | tr "\\0" x) BIG2=$BIG BIG3=$BIG; export BIG2=$BIG BIG3=$BIG',
    );
    expect({ stateLost, stateLostBy }).toEqual({ stateLost: true, stateLostBy: 'too_large' });
    const far = await run('for n in {1..20}; do export "BIG$n=$(printf %100000s)"; done');
    expect(far).toMatchObject({ stateLost: true, stateLostBy: 'too_large' });
    expect((await run('echo $KEPT')).text).toBe('1\n');
  });

  test.each([
    [
      '15,000 bytes long',
      'd=$(printf %250s | tr " " x); for n in {1..60}; do mkdir $d; cd $d; done',
    ],
    ['no UTF-8', `d=$'\\xff'; mkdir "$d"; cd "$d"`],
  ])('a directory whose path is %s can not last, and the result says so', async (_, script) => {
    await run('cd /tmp');
    const lost = await run(`cd ${sandbox.workdir}; ${script}; exit 3`);
    expect(lost).toMatchObject({ exitCode: 3, stateLost: true, stateLostBy: 'directory_name' });
    expect((await run('pwd')).text).toBe('/tmp\n');
    await run(`cd ${sandbox.workdir}; rm -rf x* $'\\xff'`);
  });

  test('a flood on the way of the state costs the state alone', async () => {
    const flooded = await run(`trap 'head -c 3000000 /dev/zero >&3' EXIT; cd /tmp; exit 5`);
    expect(flooded).toMatchObject({ exitCode: 5, stateLost: true, stateLostBy: 'ended' });
    expect((await run('pwd')).text).toBe(`${sandbox.workdir}\n`);
  });

  test("nothing of the host's environment is in it", async () => {
    const other = createSandboxShell(sandbox);
    await other.run('export A=1');
    const state = Buffer.concat([...other.origin.state.parts]).toString();
    expect(state).toContain('declare -x A="1"');
    expect(state).not.toMatch(/VITEST|NODE_|LACHESIS/);
    expect(state).not.toContain('__lx_');
  });
});
