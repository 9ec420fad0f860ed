import { afterAll, beforeAll, describe } from 'vitest';
import { createDockerBackend } from '../../../../src/sandbox/index.ts';
import { IMAGE, noPodman, PodmanService } from '../../../support/docker/podman.ts';
import { testSandboxContract } from '../contract-suite.ts';

describe.skipIf(noPodman !== undefined)("with Podman's Docker-compatible socket", () => {
  let podman: PodmanService;
  beforeAll(async () => {
    podman = await PodmanService.start();
  }, 60_000);
  afterAll(() => podman?.[Symbol.asyncDispose](), 60_000);

  testSandboxContract({
    name: 'docker',
    createBackend: () =>
      createDockerBackend({
        connection: { socketPath: podman.socketPath },
        image: IMAGE,
        ulimits: { nofile: 1_024, nproc: 32_768 },
      }),
    gaps: { pipes: "Podman ends a command's output with it" },
    testTimeoutMs: 60_000,
  });
});
