import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ExecCommandRequestSchema } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { commandOf, timeoutOf } from '../../src/server/exec-request.ts';

const request = (fields: object) =>
  create(ExecCommandRequestSchema, { leaseId: 'l', command: ['true'], ...fields });
const NUL = String.fromCharCode(0);

test.each([
  [{ command: [] }, 'command'],
  [{ command: [''] }, 'command'],
  [{ command: ['echo', NUL] }, 'command[1]'],
  [{ workingDirectory: 'a' }, 'working_directory'],
  [{ environment: { '1': 'a' } }, 'environment["1"]'],
  [{ environment: { A: NUL } }, 'environment.A'],
])('%j is refused by the field of the request, %s', (fields, field) => {
  const refused = expect.objectContaining({ kind: 'invalid_input', field });
  expect(() => commandOf(request(fields))).toThrow(refused);
  expect(() => commandOf(request(fields))).toThrow(`${field}: `);
});

test('a command that is too long is told where its text belongs, in one sentence', () => {
  const long = request({ command: ['echo', 'x'.repeat(70_000)] });
  expect(() => commandOf(long)).toThrow(
    /^command: is \d+ bytes long; \d+ are allowed\. Give long text by `standard_input`\.$/,
  );
});

test('a command keeps what the request says of it', () => {
  const stdin = new Uint8Array([1]);
  const all = { workingDirectory: '/w', environment: { A: 'b' }, standardInput: stdin };
  expect(commandOf(request(all))).toEqual({ argv: ['true'], cwd: '/w', env: { A: 'b' }, stdin });
  expect(commandOf(request({}))).not.toHaveProperty('cwd');
});

test('a time-out is a duration above 0 and of a day at most', () => {
  const ms = (seconds: bigint, nanos = 0) =>
    timeoutOf(request({ timeout: { seconds, nanos } }).timeout);
  expect(timeoutOf(undefined)).toBe(60_000);
  expect([ms(2n), ms(0n, 500_000_000), ms(86_400n)]).toEqual([2_000, 500, 86_400_000]);
  const bad: [bigint, number?][] = [[0n], [-1n], [1n, -1], [0n, 2_000_000_000], [86_401n]];
  for (const each of [...bad, [2n ** 63n - 1n] as [bigint]]) {
    expect(() => ms(...each)).toThrow(expect.objectContaining({ field: 'timeout' }));
  }
});
