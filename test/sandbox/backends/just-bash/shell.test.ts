import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createJustBashBackend,
  createSandboxShell,
  outputText,
  type Sandbox,
  type SandboxBackend,
  type SandboxShell,
  type ShellOptions,
} from '../../../../src/sandbox/index.ts';

let backend: SandboxBackend;
let sandbox: Sandbox;
let shell: SandboxShell;

beforeAll(async () => {
  backend = createJustBashBackend();
  sandbox = await backend.create({}, { signal: new AbortController().signal });
});
beforeEach(() => {
  shell = createSandboxShell(sandbox);
});
afterAll(() => backend[Symbol.asyncDispose]());

async function run(script: string, options?: ShellOptions) {
  const result = await shell.run(script, options);
  return { ...result, text: outputText(result.output) };
}

describe('what lasts from one command to the next', () => {
  test('directory, exported variables, functions and aliases; other variables do not', async () => {
    await run(`mkdir -p sub; cd sub; export A='1 "2"'; B=2
f() { cat <<END
f $1
END
}
alias a='echo "an alias"'`);
    const { text, cwd } = await run('pwd; echo "$A[$B]"; f x; a; cd -');
    expect(text).toBe('/workspace/sub\n1 "2"[]\nf x\nan alias\n/workspace\n');
    expect(cwd).toBe('/workspace');
  });

  test('also past an `exit`, in a function and with the code of the command before', async () => {
    const first = await run('f() { exit 7; }; cd /tmp; export A=kept; f; export A=never');
    expect(first).toMatchObject({ exitCode: 7, stateLost: false, cwd: '/tmp' });
    const second = await run('echo $A; (exit 3); exit $?');
    expect(second).toMatchObject({ exitCode: 3, stateLost: false, text: 'kept\n' });
    expect(await run('false; exit')).toMatchObject({ exitCode: 1, stateLost: false });
    expect((await run('f')).exitCode).toBe(7);
  });

  test('also past `set -e` and `set -u`, which are of one command', async () => {
    const first = await run('export A=1; set -e; false; echo never');
    expect(first).toMatchObject({ exitCode: 1, text: '', stateLost: false });
    const second = await run('set -u; echo $NOPE; echo never');
    expect(second.exitCode).toBe(1);
    expect(second.text).toContain('NOPE: unbound variable');
    expect(second.text).not.toContain('never');
    expect((await run('false; echo "$A[$NOPE]"')).text).toBe('1[]\n');
  });

  test('what was unset stays unset', async () => {
    await run('f() { :; }; alias a=f; export A=1');
    await run('unset HOME A; unset -f f; unalias a');
    const { text } = await run(`echo "\${HOME-none}\${A-none}"; f 2>/dev/null; echo $?; a 2>&1`);
    expect(text).toBe('nonenone\n127\nbash: a: command not found\n');
  });

  test('options of expansion; nothing of ours is among its variables or traces', async () => {
    await run('shopt -s extglob; set -o pipefail');
    expect((await run('shopt -q extglob && [[ -o pipefail ]] && echo both')).text).toBe('both\n');
    expect((await run('set -x; true')).text).not.toContain('__lx');
  });

  test('a script that can not be read, and one that was stopped, change nothing', async () => {
    await run('export A=1');
    expect(await run('export A=2; echo "(')).toMatchObject({ exitCode: 2, stateLost: false });
    const stopped = await run('export A=3; while :; do :; done', { timeoutMs: 200 });
    expect(stopped).toMatchObject({ exitCode: 124, timedOut: true, stateLost: true });
    expect((await run('echo $A')).text).toBe('1\n');
  });

  test('a directory that is gone is told', async () => {
    await run('mkdir gone; cd gone; rmdir ../gone');
    const home = '/workspace';
    expect((await run('pwd')).text).toBe(
      `bash: the working directory is gone; now in ${home}\n${home}\n`,
    );
    expect((await run('pwd', { cwd: '/nowhere' })).exitCode).toBe(126);
  });
});

describe('output', () => {
  test('streams come as one, in order, out of loops, pipelines and conditions', async () => {
    const { text } = await run(`echo a; echo b >&2
for i in 1 2; do echo $i; echo e$i >&2; done
if echo c; then nosuch; fi
echo d | sed s/d/D/; x=$(echo inner); echo $x; (cd /; pwd)
echo f | while read l; do echo "<$l>"; done`);
    expect(text).toBe('a\nb\n1\ne1\n2\ne2\nc\nbash: nosuch: command not found\nD\ninner\n/\n<f>\n');
  });

  test('`exec` sends it where it says', async () => {
    expect((await run('echo seen; exec >/tmp/log; echo logged')).text).toBe('seen\n');
    expect((await run('cat /tmp/log')).text).toBe('logged\n');
  });

  test('what should run in the background is run, and said to have been', async () => {
    const { text, exitCode } = await run('echo first & echo second');
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^first\nsecond\nlachesis: a simulated sandbox has no background/);
  });
});
