import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Command,
  type ExecOptions,
  type ExecResult,
  isSandboxGone,
  outputBytes,
  type Sandbox,
  type SandboxBackend,
  type SandboxProcess,
  type SandboxSpec,
} from '../../../src/sandbox/index.ts';
import { directory, file, link, readTar, tarOf } from './tar.ts';

/**
 * What a backend may declare that it can't do. A test of a gap is not run; everything else is asked of all.
 * `signals`: a command can't be told to end, only its sandbox. `processes`: `&`, `setsid` and `$$` are no
 * processes. `streams`: a started command can't be written to. `devices`: `/dev/stdout` is no file of its own.
 * `links`: archives hold no links. `modes`: files have no permissions. `concurrent`: commands wait for each other.
 * `binary`: only text comes out. `network`: nothing is known of what it reaches. `pipes`: output ends with its
 * command, so that nobody knows of a child left behind that holds it.
 */
export type ContractGap =
  | 'signals'
  | 'processes'
  | 'streams'
  | 'devices'
  | 'links'
  | 'modes'
  | 'concurrent'
  | 'binary'
  | 'pipes'
  | 'network';

export interface ContractOptions {
  readonly name: string;
  readonly createBackend: () => SandboxBackend | Promise<SandboxBackend>;
  /** Of the sandboxes that the suite makes. Default: the backend's own. */
  readonly spec?: SandboxSpec;
  /** Each with its reason, for whoever reads the suite. */
  readonly gaps?: Partial<Record<ContractGap, string>>;
  /** Most time that one test may take. Default: 20 s. */
  readonly testTimeoutMs?: number;
}

const NUL = '\0';

/** The one suite that every backend of sandboxes passes. To be called in a test file of its own. */
export function testSandboxContract(options: ContractOptions): void {
  const { name, gaps = {}, spec = {} } = options;
  const unless = (...gap: ContractGap[]) =>
    gap.some((each) => gaps[each] !== undefined) ? [] : [0];
  const testUnless = (gap: readonly ContractGap[], what: string, run: () => Promise<void>) => {
    for (const _ of unless(...gap)) test(what, run);
  };

  describe(`the sandbox contract: ${name}`, { timeout: options.testTimeoutMs ?? 20_000 }, () => {
    let backend: SandboxBackend;
    let box: Sandbox;
    const never = new AbortController().signal;

    beforeAll(async () => {
      backend = await options.createBackend();
      box = await backend.create(spec, { signal: never, tags: { suite: 'contract' } });
    }, 60_000);
    afterAll(async () => {
      await backend?.[Symbol.asyncDispose]();
    }, 60_000);

    const sh = (script: string, exec: ExecOptions = {}, command: Partial<Command> = {}) =>
      box.exec({ argv: ['sh', '-c', script], ...command }, exec);
    const out = ({ stdout }: ExecResult) => Buffer.from(outputBytes(stdout)).toString();
    const err = ({ stderr }: ExecResult) => Buffer.from(outputBytes(stderr)).toString();

    describe('running a command', () => {
      test('its exit code is what it ended with', async () => {
        for (const code of [0, 1, 7, 124, 130, 255]) {
          const result = await sh(`exit ${code}`);
          expect(result).toMatchObject({ exitCode: code, timedOut: false, aborted: false });
          expect(result.signal).toBeUndefined();
          expect(result.leftRunning).toBe(false);
        }
      });

      test('a program that is not there gives 127, one that may not be run 126', async () => {
        const missing = await box.exec({ argv: ['no-such-program-at-all'] });
        expect(missing.exitCode).toBe(127);
        if (gaps.modes !== undefined) return;
        await sh('echo "#!/bin/sh" > plain && chmod 644 plain');
        const refused = await box.exec({ argv: ['./plain'] });
        expect(refused.exitCode).toBe(126);
      });

      test('its arguments come as they are, read by no shell', async () => {
        const words = [
          'a b',
          '$HOME',
          '`id`',
          "it's",
          '"',
          '*',
          '\\',
          'ü€🙂',
          '',
          '-n',
          'x\ny',
          ';',
        ];
        const result = await box.exec({ argv: ['printf', '<%s>', ...words] });
        expect(out(result)).toBe(words.map((word) => `<${word}>`).join(''));
      });

      test('it begins in the working directory, or where it is told', async () => {
        expect(out(await box.exec({ argv: ['pwd'] })).trim()).toBe(box.workdir);
        await sh('mkdir -p "odd dir/ü"');
        const cwd = `${box.workdir}/odd dir/ü`;
        expect(out(await box.exec({ argv: ['pwd'], cwd })).trim()).toBe(cwd);
        const nowhere = await box.exec({ argv: ['pwd'], cwd: `${box.workdir}/nowhere` });
        expect(nowhere.exitCode).not.toBe(0);
        expect(out(nowhere)).toBe('');
      });

      test("its variables are the sandbox's, under its own", async () => {
        const env = { PLAIN: 'one', ODD: ' a "b" $c `d` \n ü', EMPTY: '' };
        const result = await sh('printf "%s|%s|[%s]" "$PLAIN" "$ODD" "$EMPTY"', {}, { env });
        expect(out(result)).toBe(`one|${env.ODD}|[]`);
        expect(out(await sh('printf "[%s]" "$PLAIN"'))).toBe('[]');
        expect(out(await sh('test -n "$PATH" && test -n "$HOME" && echo set'))).toBe('set\n');
      });

      test('none of our own variables are among them', async () => {
        // Set for this test only, in our own process, as a key would be.
        process.env['CONTRACT_SUITE_SECRET'] = 'not-for-commands';
        try {
          const result = await box.exec({ argv: ['env'] });
          expect(out(result)).not.toContain('not-for-commands');
        } finally {
          delete process.env['CONTRACT_SUITE_SECRET'];
        }
      });

      test('two that run at a time do not wait for each other, and keep their output apart', async () => {
        if (gaps.concurrent !== undefined) return;
        const results = await Promise.all(
          Array.from({ length: 8 }, (_, i) => sh(`sleep 0.3; echo out ${i}; echo err ${i} >&2`)),
        );
        results.forEach((result, i) => {
          expect([out(result), err(result)]).toEqual([`out ${i}\n`, `err ${i}\n`]);
        });
        // The first can only end when the second has run.
        const [first] = await Promise.all([
          sh('for i in $(seq 200); do [ -e made ] && exit 3; sleep 0.05; done'),
          sh('sleep 0.1; touch made'),
        ]);
        expect(first.exitCode).toBe(3);
      });
    });

    describe('input and output', () => {
      testUnless(
        ['binary'],
        'bytes go in and come out as they are, NUL and invalid UTF-8 too',
        async () => {
          const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) % 256));
          const result = await box.exec({ argv: ['cat'], stdin: bytes });
          expect(Buffer.from(outputBytes(result.stdout)).equals(bytes)).toBe(true);
          const split = await sh("printf 'a\\377\\000b'; printf '\\376' >&2");
          expect([...outputBytes(split.stdout)]).toEqual([97, 255, 0, 98]);
          expect([...outputBytes(split.stderr)]).toEqual([254]);
        },
      );

      test('without input a command that reads finds the end at once', async () => {
        const result = await box.exec({ argv: ['cat'] }, { timeoutMs: 10_000 });
        expect(result).toMatchObject({ exitCode: 0, timedOut: false });
        expect(out(result)).toBe('');
      });

      test('input may come piece by piece', async () => {
        const pieces = async function* () {
          for (const word of ['one ', 'two ', 'three']) {
            await pause(5);
            yield Buffer.from(word);
          }
        };
        const result = await box.exec({ argv: ['cat'], stdin: pieces() });
        expect(out(result)).toBe('one two three');
      });

      test('200 KB, and 3 MB, of input arrive whole', async () => {
        for (const size of [200_000, 3_000_000]) {
          const bytes = Buffer.alloc(size, 'abcdefghij');
          const result = await box.exec({ argv: ['wc', '-c'], stdin: bytes });
          expect(out(result).trim()).toBe(String(size));
        }
      });

      test('a command that reads none of its input is not held up', async () => {
        const stdin = Buffer.alloc(4_000_000, 'x');
        const result = await box.exec({ argv: ['echo', 'done'], stdin }, { timeoutMs: 10_000 });
        expect(result).toMatchObject({ exitCode: 0, timedOut: false });
        expect(out(result)).toBe('done\n');
      });

      test('40 % of the beginning and 60 % of the end are kept, and the rest is counted', async () => {
        const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done';
        const all = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join('');
        const { stdout } = await sh(script, { maxOutputBytes: 1_000 });
        expect(Buffer.from(stdout.head).toString()).toBe(all.slice(0, 400));
        expect(Buffer.from(stdout.tail).toString()).toBe(all.slice(-600));
        expect(stdout.totalBytes).toBe(all.length);
        expect(stdout.omittedBytes).toBe(all.length - 1_000);
      });

      test('chunks are told as they come, in order, of both streams', async () => {
        const seen: { stream: string; text: string; atMs: number }[] = [];
        const began = performance.now();
        await sh('echo first; sleep 0.5; echo second >&2', {
          onChunk: ({ stream, bytes }) => {
            const text = Buffer.from(bytes).toString();
            seen.push({ stream, text, atMs: performance.now() - began });
          },
        });
        const joined = (which: string) =>
          seen
            .filter(({ stream }) => stream === which)
            .map(({ text }) => text)
            .join('');
        expect(joined('stdout')).toBe('first\n');
        expect(joined('stderr')).toBe('second\n');
        if (gaps.streams !== undefined) return;
        expect(seen.at(-1)!.atMs - seen[0]!.atMs).toBeGreaterThan(200);
      });

      testUnless(['devices'], 'a command can open its own streams by name', async () => {
        const script =
          'echo to-out > /dev/stdout; echo to-err > /dev/stderr; cat /dev/stdin; echo again >> /dev/stdout';
        const result = await sh(script, { timeoutMs: 10_000 }, { stdin: Buffer.from('in\n') });
        expect(out(result)).toBe('to-out\nin\nagain\n');
        expect(err(result)).toBe('to-err\n');
        const empty = await sh('cat /dev/stdin', { timeoutMs: 10_000 });
        expect(empty).toMatchObject({ exitCode: 0, timedOut: false });
      });
    });

    describe('ending a command', () => {
      test('a time-out gives 124 with what was said until then, and the sandbox goes on', async () => {
        const began = performance.now();
        const result = await sh('echo before; sleep 30; echo after', { timeoutMs: 500 });
        expect(result).toMatchObject({ exitCode: 124, timedOut: true, aborted: false });
        expect(out(result)).toBe('before\n');
        expect(performance.now() - began).toBeLessThan(8_000);
        expect(out(await sh('echo works'))).toBe('works\n');
      });

      test('an abort gives 130 with what was said until then, and the sandbox goes on', async () => {
        const controller = new AbortController();
        const result = await sh('echo before; sleep 30', {
          signal: controller.signal,
          onChunk: () => controller.abort(new Error('enough')),
        });
        expect(result).toMatchObject({ exitCode: 130, timedOut: false, aborted: true });
        expect(out(result)).toBe('before\n');
        expect(out(await sh('echo works'))).toBe('works\n');
      });

      test('a signal that has fired already runs nothing', async () => {
        const reason = new Error('never mind');
        const exec = sh('touch ran-anyway', { signal: AbortSignal.abort(reason) });
        await expect(exec).rejects.toBe(reason);
        expect(await box.stat(`${box.workdir}/ran-anyway`)).toBeUndefined();
      });

      testUnless(
        ['processes'],
        'one that was killed gives 128 and the signal, with its name',
        async () => {
          expect(await sh('kill -9 $$')).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
          expect(await sh('kill -11 $$')).toMatchObject({ exitCode: 139, signal: 'SIGSEGV' });
          expect(await sh('kill -15 $$')).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
        },
      );

      testUnless(
        ['processes', 'signals'],
        'one that takes no notice of SIGTERM is killed',
        async () => {
          const script = 'trap "" TERM INT HUP; echo armed; while :; do sleep 0.1; done';
          const result = await sh(script, { timeoutMs: 400 });
          expect(result).toMatchObject({ exitCode: 124, timedOut: true, leftRunning: false });
          expect(out(result)).toBe('armed\n');
        },
      );

      testUnless(
        ['processes', 'signals'],
        'one that heeds SIGTERM may still say something',
        async () => {
          const script = 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done';
          const result = await sh(script, { timeoutMs: 400 });
          expect(result).toMatchObject({ exitCode: 124, timedOut: true });
          expect(out(result)).toBe('up\nbye\n');
        },
      );

      testUnless(
        ['processes', 'signals'],
        'all that it started ends with it, the immune ones too',
        async () => {
          const script = `(trap "" TERM; while :; do sleep 0.1; echo beat >> beats; done) &
          sleep 0.3; sleep 60`;
          expect((await sh(script, { timeoutMs: 600 })).timedOut).toBe(true);
          const before = out(await sh('wc -l < beats'));
          await pause(500);
          expect(Number(before)).toBeGreaterThan(0);
          expect(out(await sh('wc -l < beats'))).toBe(before);
        },
      );

      testUnless(
        ['processes'],
        'a child left behind that holds the pipes holds nobody up',
        async () => {
          const began = performance.now();
          const result = await sh('sleep 30 & echo done');
          expect(performance.now() - began).toBeLessThan(5_000);
          expect(result.exitCode).toBe(0);
          expect(result.leftRunning).toBe(gaps.pipes === undefined);
          expect(out(result)).toBe('done\n');
        },
      );

      testUnless(
        ['processes'],
        'a child left behind that holds no pipes goes on running',
        async () => {
          const result = await sh(
            '(sleep 0.6; touch later) >/dev/null 2>&1 </dev/null & echo done',
          );
          expect(result).toMatchObject({ exitCode: 0, leftRunning: false });
          await expect
            .poll(() => box.stat(`${box.workdir}/later`), { timeout: 10_000 })
            .toBeDefined();
        },
      );
    });

    describe('starting a command', () => {
      const read = async (process: SandboxProcess): Promise<string> => {
        let text = '';
        for await (const { bytes } of process.output) text += Buffer.from(bytes).toString();
        return text;
      };

      test('where it can not be written to, to ask for that is refused', async () => {
        if (gaps.streams === undefined) return;
        const spawned = box.spawn({ argv: ['cat'], stdin: 'open' });
        await expect(spawned).rejects.toMatchObject({ kind: 'unimplemented' });
      });

      testUnless(
        ['streams'],
        'it is written to and answers, until its input is closed',
        async () => {
          const script = 'while read -r line; do echo "got $line"; done; echo end; exit 5';
          const process = await box.spawn({ argv: ['sh', '-c', script], stdin: 'open' });
          const chunks = process.output[Symbol.asyncIterator]();
          await process.write(Buffer.from('one\n'));
          expect(Buffer.from((await chunks.next()).value!.bytes).toString()).toBe('got one\n');
          await process.write(Buffer.from('two\n'));
          expect(Buffer.from((await chunks.next()).value!.bytes).toString()).toBe('got two\n');
          await process.closeInput();
          let rest = '';
          for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
            rest += Buffer.from(next.value.bytes).toString();
          }
          expect(rest).toBe('end\n');
          expect(await process.exited).toEqual({ code: 5 });
        },
      );

      testUnless(
        ['streams', 'signals'],
        'it is told to end, and says by what it ended',
        async () => {
          const process = await box.spawn({
            argv: ['sh', '-c', 'echo up; sleep 60'],
            stdin: 'open',
          });
          const chunks = process.output[Symbol.asyncIterator]();
          await chunks.next();
          await process.kill('SIGKILL');
          expect(await process.exited).toEqual({ signal: 'SIGKILL' });
          expect((await chunks.next()).done).toBe(true);
          // Once it has ended, it is told nothing any more.
          await process.kill('SIGTERM');
          await process.write(Buffer.from('too late'));
          await process.closeInput();
          process.detach();
        },
      );

      testUnless(['streams', 'signals'], 'SIGINT and SIGTERM reach its whole group', async () => {
        for (const [signal, word] of [
          ['SIGINT', 'INT'],
          ['SIGTERM', 'TERM'],
        ] as const) {
          const script = `trap "echo told; exit 9" ${word}; echo up; while :; do sleep 0.05; done`;
          const process = await box.spawn({ argv: ['sh', '-c', script] });
          const chunks = process.output[Symbol.asyncIterator]();
          await chunks.next();
          await process.kill(signal);
          expect(await process.exited).toEqual({ code: 9 });
          let said = '';
          for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
            // The shell may tell on the other stream what became of its own child.
            if (next.value.stream === 'stdout') said += Buffer.from(next.value.bytes).toString();
          }
          expect(said).toBe('told\n');
        }
      });

      testUnless(['streams'], 'detached, its output ends whoever holds the pipes', async () => {
        const process = await box.spawn({ argv: ['sh', '-c', 'echo up; sleep 60'] });
        const reading = read(process);
        await pause(300);
        process.detach();
        expect(await reading).toBe('up\n');
        await process.kill('SIGKILL');
        await process.exited;
      });

      testUnless(['streams'], 'a slow reader holds it back, and loses nothing', async () => {
        const process = await box.spawn({ argv: ['sh', '-c', 'seq 300000'] });
        let bytes = 0;
        for await (const chunk of process.output) {
          if (bytes === 0) await pause(300);
          bytes += chunk.bytes.length;
        }
        expect(bytes).toBe(1_988_895);
        expect(await process.exited).toEqual({ code: 0 });
      });
    });

    describe('what is refused', () => {
      const refused = (command: Command) =>
        box.exec(command).then(
          () => 'ran',
          (error) => error,
        );

      test('NUL, no program, a relative directory and odd names of variables, each by its field', async () => {
        const cases: readonly (readonly [Command, string])[] = [
          [{ argv: ['echo', `a${NUL}b`] }, 'command.argv[1]'],
          [{ argv: [''] }, 'command.argv'],
          [{ argv: ['pwd'], cwd: 'relative' }, 'command.cwd'],
          [{ argv: ['pwd'], cwd: `/a${NUL}b` }, 'command.cwd'],
          [{ argv: ['env'], env: { 'A=B': 'x' } }, 'command.env["A=B"]'],
          [{ argv: ['env'], env: { '1X': 'x' } }, 'command.env["1X"]'],
          [{ argv: ['env'], env: { GOOD: `a${NUL}b` } }, 'command.env.GOOD'],
        ];
        for (const [command, field] of cases) {
          expect(await refused(command)).toMatchObject({ kind: 'invalid_input', field });
        }
      });

      test('arguments beyond 64 KiB are refused, up to it they arrive', async () => {
        const long = 'x'.repeat(65_000);
        expect(out(await box.exec({ argv: ['printf', '%s', long] })).length).toBe(65_000);
        expect(await refused({ argv: ['echo', `${long}${long}`] })).toMatchObject({
          kind: 'invalid_input',
          field: 'command.argv',
        });
      });

      test('a spec that it can not give is refused by its field', async () => {
        const bad: readonly (readonly [SandboxSpec, string])[] = [
          [{ ...spec, env: { 'A B': '' } }, 'sandbox.env["A B"]'],
          [{ ...spec, workdir: 'relative' }, 'sandbox.workdir'],
          [{ ...spec, resources: { memoryMiB: -1 } }, 'sandbox.resources.memoryMiB'],
        ];
        for (const [each, field] of bad) {
          const made = backend.create(each, { signal: never });
          await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
        }
        const unknown = (['cpus', 'memoryMiB', 'diskMiB', 'pids'] as const).filter(
          (limit) => !backend.capabilities.limits.includes(limit),
        );
        for (const limit of unknown) {
          const made = backend.create({ ...spec, resources: { [limit]: 1 } }, { signal: never });
          await expect(made).rejects.toMatchObject({
            kind: 'invalid_input',
            field: `sandbox.resources.${limit}`,
          });
        }
      });
    });

    describe('files', () => {
      test('an archive is unpacked where it is told, with odd names, links, modes and empty folders', async () => {
        const entries = [
          directory('top/'),
          directory('top/empty/'),
          file('top/plain.txt', 'plain\n'),
          file('top/odd name "ü" $x \'y\'', 'odd'),
          file('top/-dash', 'dash'),
          file('top/run.sh', '#!/bin/sh\necho ran', 0o755),
          file('top/binary', Buffer.from([0, 255, 10, 0])),
          ...(gaps.links === undefined ? [link('top/link', 'plain.txt')] : []),
        ];
        const tar = tarOf(entries);
        const target = `${box.workdir}/unpacked/for it`;
        const taken = await box.putArchive(target, chunked(tar));
        expect(taken).toBe(tar.length);
        const text = async (name: string) =>
          out(await box.exec({ argv: ['cat', `${target}/top/${name}`] }));
        expect(await text('plain.txt')).toBe('plain\n');
        expect(await text('odd name "ü" $x \'y\'')).toBe('odd');
        expect(await text('-dash')).toBe('dash');
        if (gaps.links === undefined) expect(await text('link')).toBe('plain\n');
        expect((await box.stat(`${target}/top/empty`))?.type).toBe('directory');
        if (gaps.modes !== undefined) return;
        const ran = await box.exec({ argv: [`${target}/top/run.sh`] });
        expect([ran.exitCode, out(ran)]).toEqual([0, 'ran\n']);
      });

      test('a folder is packed whole, and a single file too', async () => {
        const script = `mkdir -p "pack/in side/empty" && cd pack && printf 'a\\000b' > "ü odd" &&
          echo deep > "in side/deep" && echo dash > ./-dash`;
        expect((await sh(script)).exitCode).toBe(0);
        if (gaps.links === undefined) await sh('ln -s "../ü odd" "pack/in side/link"');
        const packed = readTar(await collect(box.getArchive(`${box.workdir}/pack`)));
        const byName = new Map(packed.map((entry) => [entry.name.replace(/\/$/, ''), entry]));
        expect(byName.get('pack')?.type).toBe('directory');
        expect(byName.get('pack/in side/empty')?.type).toBe('directory');
        expect([...(byName.get('pack/ü odd')?.content ?? [])]).toEqual([97, 0, 98]);
        expect(byName.get('pack/in side/deep')?.content.toString()).toBe('deep\n');
        expect(byName.get('pack/-dash')?.content.toString()).toBe('dash\n');
        if (gaps.links === undefined) {
          expect(byName.get('pack/in side/link')).toMatchObject({
            type: 'link',
            target: '../ü odd',
          });
        }
        const [single, ...more] = readTar(
          await collect(box.getArchive(`${box.workdir}/pack/-dash`)),
        );
        expect(more).toEqual([]);
        expect(single).toMatchObject({ name: '-dash', type: 'file' });
      });

      test('what is not there can not be packed, and what is no archive not unpacked', async () => {
        const missing = collect(box.getArchive(`${box.workdir}/not-there`));
        await expect(missing).rejects.toMatchObject({ reason: 'ARCHIVE_FAILED' });
        const garbage = box.putArchive(`${box.workdir}/g`, chunked(Buffer.alloc(3_000, 'no tar')));
        await expect(garbage).rejects.toMatchObject({ reason: 'ARCHIVE_FAILED' });
      });

      test('a path tells its kind, size, mode and time, and one that is not there nothing', async () => {
        await sh('printf 12345 > sized; mkdir -p folder');
        const found = await box.stat(`${box.workdir}/sized`);
        expect(found).toMatchObject({ type: 'file', size: 5 });
        expect(Math.abs((found?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
        expect((await box.stat(`${box.workdir}/folder`))?.type).toBe('directory');
        expect(await box.stat(`${box.workdir}/none`)).toBeUndefined();
        if (gaps.modes === undefined) {
          await sh('chmod 640 sized');
          expect((await box.stat(`${box.workdir}/sized`))?.mode).toBe(0o640);
        }
        if (gaps.links === undefined) {
          await sh('ln -sf nowhere dangling');
          expect((await box.stat(`${box.workdir}/dangling`))?.type).toBe('link');
        }
      });
    });

    describe('the sandbox itself', () => {
      test('it says who it is', () => {
        expect(box.backend).toBe(backend.name);
        expect(box.isolation).toBe(backend.capabilities.isolation);
        expect(box.id).not.toBe('');
        expect(box.workdir.startsWith('/')).toBe(true);
      });

      test('it is found by its tags while it lives', async () => {
        const tags = { suite: 'contract', part: 'listing' };
        const made = await backend.create(spec, { signal: never, tags });
        const ids = async (wanted: Readonly<Record<string, string>>) =>
          (await backend.list(wanted, never)).map(({ id }) => id);
        expect(await ids({ part: 'listing' })).toEqual([made.id]);
        expect(await ids(tags)).toEqual([made.id]);
        expect(await ids({ suite: 'contract' })).toContain(box.id);
        expect(await ids({ ...tags, part: 'other' })).toEqual([]);
        const [found] = await backend.list({ part: 'listing' }, never);
        expect(found?.tags).toMatchObject(tags);
        await found?.terminate();
        expect(await ids({ part: 'listing' })).toEqual([]);
        expect(await made.status()).toBe('gone');
      });

      testUnless(['network'], 'kept from the network, it reaches nothing of ours', async () => {
        if (!backend.capabilities.networks.includes('none')) return;
        let heard = 0;
        const server = createServer((socket) => {
          heard += 1;
          socket.destroy();
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as AddressInfo;
        const made = await backend.create({ ...spec, network: 'none' }, { signal: never });
        const reach = `exec 4<>/dev/tcp/127.0.0.1/${port} && echo reached`;
        const result = await made.exec({ argv: ['bash', '-c', reach] });
        expect(heard).toBe(0);
        // A simulated shell may take the name for a file of its own.
        const { realProcesses } = backend.capabilities;
        if (realProcesses) expect([result.exitCode === 0, out(result)]).toEqual([false, '']);
        await made.terminate();
        server.close();
      });

      test('two share no files of their working directories', async () => {
        const other = await backend.create(spec, { signal: never });
        await sh('echo mine > only-here');
        expect(await other.stat(`${other.workdir}/only-here`)).toBeUndefined();
        await other.terminate();
      });

      test('once ended it is gone: to a command, a transfer and a command under way', async () => {
        const made = await backend.create(spec, { signal: never });
        expect(await made.status()).toBe('running');
        const underWay = made.exec({ argv: ['sh', '-c', 'sleep 30'] }).then(
          () => 'ended',
          (error: unknown) => isSandboxGone(error),
        );
        await pause(300);
        await made.terminate();
        await made.terminate();
        if (gaps.concurrent === undefined) expect(await underWay).toBe(true);
        expect(await made.status()).toBe('gone');
        const gone = { kind: 'infrastructure_error', reason: 'SANDBOX_GONE' };
        await expect(made.exec({ argv: ['true'] })).rejects.toMatchObject(gone);
        await expect(made.spawn({ argv: ['true'] })).rejects.toMatchObject(gone);
        await expect(made.stat('/')).rejects.toMatchObject(gone);
        await expect(collect(made.getArchive('/tmp'))).rejects.toMatchObject(gone);
        await expect(made.putArchive('/tmp/x', chunked(tarOf([])))).rejects.toMatchObject(gone);
      });

      test('none is made for a signal that has fired, nor by a backend that is closed', async () => {
        const reason = new Error('no more');
        const late = backend.create(spec, { signal: AbortSignal.abort(reason) });
        await expect(late).rejects.toBe(reason);
        const closed = await options.createBackend();
        await closed[Symbol.asyncDispose]();
        await expect(closed.create(spec, { signal: never })).rejects.toBeDefined();
      });

      test('its backend ends those that are left', async () => {
        const own = await options.createBackend();
        const left = await own.create(spec, { signal: never });
        await own[Symbol.asyncDispose]();
        expect(await left.status()).toBe('gone');
      });

      test('trying it shows that it works, and how long it took', async () => {
        const probe = await backend.probe({ signal: never });
        expect(probe).toMatchObject({ works: true });
        expect(probe.remedy).toBeUndefined();
        expect(probe.createMs).toBeGreaterThan(0);
        expect(probe.execMs).toBeGreaterThan(0);
      });
    });
  });
}

async function* chunked(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
