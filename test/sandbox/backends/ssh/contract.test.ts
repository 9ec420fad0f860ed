import { afterAll, beforeAll, describe, expect } from 'vitest';
import { createSshBackend } from '../../../../src/sandbox/index.ts';
import { SshHost } from '../../../support/ssh/ssh-host.ts';
import { testSandboxContract } from '../contract-suite.ts';

describe("with the server of ssh2's own", () => {
  let host: SshHost;
  beforeAll(async () => {
    host = await SshHost.start();
  });
  afterAll(async () => {
    expect(host.unexpected).toEqual([]);
    expect(await host.folders()).toEqual([]);
    await host[Symbol.asyncDispose]();
  });

  testSandboxContract({
    name: 'ssh',
    createBackend: () => createSshBackend(host.options),
    gaps: { devices: 'this server gives commands sockets, which have no names; sshd gives pipes' },
  });
});
