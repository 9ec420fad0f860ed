import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type OpenSandboxes,
  type OpenSandboxesOptions,
  openSandboxes,
  outputText,
  readSandboxSettings,
  type SandboxSettings,
} from '../../../src/sandbox/index.ts';
import { noBoxes } from '../../support/boxes.ts';
import { noPodman, PodmanService } from '../../support/docker/podman.ts';
import { FakeE2b } from '../../support/e2b/fake-e2b.ts';

function read(
  options: Readonly<Record<string, string | boolean>>,
  environment: Readonly<Record<string, string>> = {},
): SandboxSettings {
  return readSandboxSettings({ options, environment, platform: 'linux' });
}

function optionsOf(
  settings: SandboxSettings,
): OpenSandboxesOptions & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    settings,
    askers: [{ name: 'terminal', minimumIsolation: undefined }],
    environment: {},
    warn: (message) => warnings.push(message),
    signal: new AbortController().signal,
    warnings,
  };
}

async function sh(sandboxes: OpenSandboxes, script: string): Promise<string> {
  await using lease = await sandboxes.pool.acquire({}, { owner: 'test' });
  return outputText((await lease.exec({ argv: ['sh', '-c', script] })).stdout);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a default backend that does not work', () => {
  const broken = (more: Readonly<Record<string, boolean>> = {}): SandboxSettings => ({
    ...read(more),
    backend: 'e2b',
  });

  test('is told, with the override, and nothing runs', async () => {
    vi.stubEnv('E2B_API_KEY', '');
    const refused = openSandboxes(optionsOf(broken()));
    await expect(refused).rejects.toMatchObject({ reason: 'SANDBOX_BACKEND_FAILED' });
    await expect(refused).rejects.toThrow(/`e2b` \(default\).*LACHESIS_ALLOW_UNSANDBOXED=1/s);
  });

  test('is stood in for by plain processes where the user said so, and that is told', async () => {
    vi.stubEnv('E2B_API_KEY', '');
    const options = optionsOf(broken({ 'allow-unsandboxed': true }));
    await using sandboxes = await openSandboxes(options);
    expect(sandboxes.pool.backend.name).toBe('process');
    expect(await sh(sandboxes, 'echo $((6 * 7))')).toBe('42\n');
    expect(options.warnings.join('')).toMatch(/`e2b` does not work here: .*NO ISOLATION/s);
  });

  test('one that was chosen is not stood in for', async () => {
    vi.stubEnv('E2B_API_KEY', '');
    const chosen = optionsOf(read({ sandbox: 'e2b', 'allow-unsandboxed': true }));
    const refused = openSandboxes(chosen);
    await expect(refused).rejects.toThrow(/`e2b` \(--sandbox\) was tried and failed/);
    expect(chosen.warnings).toEqual([]);
  });
});

describe.skipIf(noBoxes !== undefined)('--sandbox e2b', () => {
  test('takes its address and key from E2B’s own variables, and the spec from ours', async () => {
    await using fake = await FakeE2b.start();
    vi.stubEnv('E2B_API_KEY', fake.options.apiKey);
    vi.stubEnv('E2B_API_URL', fake.options.apiUrl);
    vi.stubEnv('E2B_SANDBOX_URL', fake.options.sandboxUrl);
    const settings = read(
      { sandbox: 'e2b', 'sandbox-image': 'mine', 'isolation-minimum': 'strong' },
      { TERMINAL_CWD: '/workspace' },
    );
    await using sandboxes = await openSandboxes(optionsOf(settings));
    expect(await sh(sandboxes, 'pwd')).toBe('/workspace\n');
    expect(fake.created.at(-1)).toMatchObject({
      templateID: 'mine',
      allow_internet_access: false,
    });
    expect(fake.unexpected).toEqual([]);
  });

  test('what it can’t be asked for is refused at the start', async () => {
    await using fake = await FakeE2b.start();
    vi.stubEnv('E2B_API_KEY', fake.options.apiKey);
    vi.stubEnv('E2B_API_URL', fake.options.apiUrl);
    vi.stubEnv('E2B_SANDBOX_URL', fake.options.sandboxUrl);
    const settings = read(
      { sandbox: 'e2b', 'sandbox-memory': '512' },
      { TERMINAL_CWD: '/workspace' },
    );
    await expect(openSandboxes(optionsOf(settings))).rejects.toThrow(
      /^--sandbox-memory: .*`e2b`.*Build it into the template/s,
    );
  });
});

// Whether this machine's Podman may make a container as we ask for it hangs on its limits; see the backend's tests.
describe.skipIf(noPodman !== undefined)('--sandbox docker', { timeout: 60_000 }, () => {
  test('asks the daemon of DOCKER_HOST for the image that the options or the seed name', async () => {
    await using podman = await PodmanService.start();
    vi.stubEnv('DOCKER_HOST', `unix://${podman.socketPath}`);
    const ours = read({ sandbox: 'docker', 'sandbox-image': 'localhost/none:1' });
    await expect(openSandboxes(optionsOf(ours))).rejects.toThrow(/docker pull localhost\/none:1/);
    const seed = read({}, { TERMINAL_ENV: 'docker', TERMINAL_DOCKER_IMAGE: 'localhost/none:2' });
    await expect(openSandboxes(optionsOf(seed))).rejects.toThrow(
      /`docker` \(TERMINAL_ENV\).*docker pull localhost\/none:2/s,
    );
  });
});

test('a daemon that is not there is told, with what would mend it', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');
  const refused = openSandboxes(optionsOf(read({ sandbox: 'docker' })));
  await expect(refused).rejects.toThrow(
    /`docker` \(--sandbox\) was tried and failed.*DOCKER_HOST/s,
  );
});

test.each(['docker', 'modal', 'e2b'])(
  'after a refusal of `%s` others are advised, and each thing once',
  async (name) => {
    for (const variable of ['E2B_API_KEY', 'MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET'])
      vi.stubEnv(variable, '');
    vi.stubEnv('MODAL_CONFIG_PATH', '/nowhere/modal.toml');
    vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');
    const refused = await openSandboxes(optionsOf(read({ sandbox: name }))).catch((error) => error);
    const [, advised = ''] = /--sandbox \(([^)]*)\)/.exec(refused.message) ?? [];
    expect(advised.split(', ')).toContain('bubblewrap');
    expect(advised.split(', ')).not.toContain(name);
    const sentences = refused.message.split(/(?<=\.) (?=[A-Z`])/);
    expect(sentences).toEqual([...new Set(sentences)]);
  },
);
