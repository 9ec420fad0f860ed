import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createModalBackend } from '../../../../src/sandbox/index.ts';
import { type FakeModal, startFakeModal } from '../../../support/modal/fake-modal.ts';
import { testSandboxContract } from '../contract-suite.ts';

let fake: FakeModal;
beforeAll(async () => {
  fake = await startFakeModal();
  for (const [name, value] of Object.entries(fake.env)) vi.stubEnv(name, value);
});
afterAll(async () => {
  await fake[Symbol.asyncDispose]();
  vi.unstubAllEnvs();
});

testSandboxContract({
  name: 'modal, by its real client on the fake',
  createBackend: () => createModalBackend(),
  gaps: {
    devices: "the fake's boxes bring input by a named pipe, which can't be opened again at its end",
  },
});

// What the client was asked to do in all of the above, and nothing else. A new version of it that makes other
// calls, or sets other fields, ends here and in the fake's refusals.
test('the whole contract needs these calls of Modal only', () => {
  expect(fake.faults.unexpected).toEqual([]);
  expect([...new Set(fake.faults.calls)].sort()).toEqual([
    'AppGetOrCreate',
    'AuthTokenGet',
    'EnvironmentGetOrCreate',
    'ImageGetOrCreate',
    'SandboxCreateV2',
    'SandboxListV2',
    'SandboxTagsGetV2',
    'SandboxTerminateV2',
    'SandboxWaitV2',
    'TaskExecStart',
    'TaskExecStdinWrite',
    'TaskExecStdioRead',
    'TaskExecWait',
  ]);
});
