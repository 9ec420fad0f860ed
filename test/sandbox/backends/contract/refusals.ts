import { describe, expect, test } from 'vitest';
import type { Command, SandboxSpec } from '../../../../src/sandbox/index.ts';
import { type ContractBench, NUL } from './bench.ts';

export function testRefusals(bench: ContractBench): void {
  const { out, spec, never } = bench;
  describe('what is refused', () => {
    const refused = (command: Command) =>
      bench.box.exec(command).then(
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
      expect(out(await bench.box.exec({ argv: ['printf', '%s', long] })).length).toBe(65_000);
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
        [{ ...spec, resources: { memoryMiB: 1e300 } }, 'sandbox.resources.memoryMiB'],
        [{ ...spec, resources: { diskMiB: 1e18 } }, 'sandbox.resources.diskMiB'],
        [{ ...spec, resources: { pids: 1e12 } }, 'sandbox.resources.pids'],
        [{ ...spec, resources: { cpus: 1e6 } }, 'sandbox.resources.cpus'],
      ];
      for (const [each, field] of bad) {
        const made = bench.backend.create(each, { signal: never });
        await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
      }
      const unknown = (['cpus', 'memoryMiB', 'diskMiB', 'pids'] as const).filter(
        (limit) => !bench.backend.capabilities.limits.includes(limit),
      );
      for (const limit of unknown) {
        const made = bench.backend.create(
          { ...spec, resources: { [limit]: 1 } },
          { signal: never },
        );
        await expect(made).rejects.toMatchObject({
          kind: 'invalid_input',
          field: `sandbox.resources.${limit}`,
        });
      }
    });
  });
}
