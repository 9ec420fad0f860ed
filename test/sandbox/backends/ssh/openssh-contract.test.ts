import { afterAll, beforeAll, describe } from 'vitest';
import { createSshBackend } from '../../../../src/sandbox/index.ts';
import { noSshd, Openssh } from '../../../support/ssh/openssh.ts';
import { testSandboxContract } from '../contract-suite.ts';

describe.skipIf(noSshd !== undefined)('with the sshd of OpenSSH', () => {
  let sshd: Openssh;
  beforeAll(async () => {
    sshd = await Openssh.start();
  }, 20_000);
  afterAll(() => sshd?.[Symbol.asyncDispose](), 20_000);

  testSandboxContract({
    name: 'ssh, of OpenSSH',
    createBackend: () => createSshBackend(sshd.options),
  });
});
