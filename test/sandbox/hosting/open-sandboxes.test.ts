import { describe, expect, test } from 'vitest';
import {
  type IsolationLevel,
  isAtLeast,
  minimumIsolation,
  type OpenSandboxesOptions,
  openSandboxes,
  readSandboxSettings,
} from '../../../src/sandbox/index.ts';
import { createLogger, MetricsRegistry, renderMetricsText } from '../../../src/telemetry/index.ts';

const live = (): AbortSignal => new AbortController().signal;

function optionsOf(
  options: Readonly<Record<string, string | boolean>>,
  more: Partial<OpenSandboxesOptions> = {},
): OpenSandboxesOptions & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    settings: readSandboxSettings({ options, environment: {}, platform: 'linux' }),
    askers: [{ name: 'terminal', minimumIsolation: undefined }],
    environment: {},
    warn: (message) => warnings.push(message),
    signal: live(),
    warnings,
    ...more,
  };
}

describe('opening sandboxes', () => {
  test('tries the backend and leases from it, with the host’s defaults', async () => {
    const metrics = new MetricsRegistry();
    await using sandboxes = await openSandboxes(
      optionsOf({ 'sandbox-min-idle': '1', 'sandbox-pids': '40' }, { metrics }),
    );
    expect(sandboxes.probe.works).toBe(true);
    expect(sandboxes.probe.createMs).toBeGreaterThan(0);
    await using lease = await sandboxes.pool.acquire({}, { owner: 'test' });
    expect(lease.isolation).toBe('namespace');
    // The warm one is of the very spec that an environment gets which says nothing.
    expect(sandboxes.pool.stats().byKey).toHaveLength(1);
    const limit = await lease.exec({ argv: ['bash', '-c', 'ulimit -u'] });
    expect(new TextDecoder().decode(limit.stdout.head)).toBe('40\n');
    const at = 'backend="bubblewrap",isolation="namespace"';
    const text = renderMetricsText(metrics);
    expect(text).toContain(`lachesis_sandbox_info{${at}} 1`);
    expect(text).toContain(`lachesis_sandbox_leases_total{${at},reused="no"} 1`);
  });

  test('what its pool does is written to the host’s log', async () => {
    const lines: string[] = [];
    const logger = createLogger({
      level: 'debug',
      writer: ({ level, message, fields }) =>
        lines.push(`${level} ${message} ${fields['owner'] ?? fields['detail'] ?? ''}`.trim()),
    });
    await using sandboxes = await openSandboxes(optionsOf({}, { logger }));
    const lease = await sandboxes.pool.acquire({}, { owner: 'r1' });
    lease.taint('the test says so');
    await lease.release();
    await sandboxes.drain(0);
    expect(lines).toEqual([
      ...['debug sandbox made', 'debug sandbox leased r1'],
      'debug sandbox ended the test says so',
    ]);
  });

  test('refuses with one message what is weaker than its minimum', async () => {
    const refused = openSandboxes(optionsOf({ sandbox: 'process' }));
    await expect(refused).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'ISOLATION_BELOW_MINIMUM',
      field: 'isolation.minimum',
    });
    const message = await refused.catch((error: Error) => error.message);
    expect(message).toMatch(/`process`.*at least `namespace`/);
    expect(message).toMatch(/LACHESIS_ALLOW_UNSANDBOXED=1/);
    const strong = openSandboxes(optionsOf({ 'isolation-minimum': 'strong' }));
    await expect(strong).rejects.toMatchObject({ reason: 'ISOLATION_BELOW_MINIMUM' });
    const askers = [{ name: 'picky', minimumIsolation: 'strong' as const }];
    await expect(openSandboxes(optionsOf({}, { askers }))).rejects.toThrow(/environment `picky`/);
  });

  test('says what was tried, what it said, and what would mend it', async () => {
    const refused = openSandboxes(optionsOf({ sandbox: 'e2b' }));
    await expect(refused).rejects.toMatchObject({ reason: 'SANDBOX_BACKEND_FAILED' });
    const none = openSandboxes(optionsOf({ sandbox: 'none' }));
    await expect(none).rejects.toMatchObject({ reason: 'NO_SANDBOX', field: 'sandbox' });
  });

  test.each([
    ['sandbox-cpus', '2'],
    ['sandbox-image', 'ubuntu'],
    ['sandbox-network', 'a.org,b.org'],
  ])('--%s %s, which its backend can’t give, is refused by its name', async (name, value) => {
    // Nor is another backend taken for it.
    const options = optionsOf({ [name]: value, 'allow-unsandboxed': true });
    const message = await openSandboxes(options).catch((error: Error) => error.message);
    expect(message).toMatch(new RegExp(`^--${name}: .*bubblewrap|^--${name}: is .*no folder`));
    expect(message).not.toMatch(/user_namespaces|process/);
    await expect(openSandboxes(options)).rejects.toMatchObject({
      ...{ kind: 'invalid_input', field: `--${name}` },
    });
  });

  test.each([
    [{ resources: { cpus: 1 } }, 'resources.cpus', 'bubblewrap'],
    [{ network: { allow: ['a.org'] } }, 'network', 'bubblewrap'],
    [{ image: 'i:1' }, 'image', 'just-bash'],
    [{ network: 'none' as const }, 'network', 'process'],
  ])(
    'what an environment says, %j, is refused where no rollout could have it',
    async (spec, at, sandbox) => {
      const askers = [{ name: 'picky', minimumIsolation: undefined, spec }];
      const options = optionsOf({ sandbox, 'isolation-minimum': 'process' }, { askers });
      await expect(openSandboxes(options)).rejects.toMatchObject({
        ...{ kind: 'invalid_input', field: `environment \`picky\`.sandbox.${at}` },
      });
    },
  );

  test('goes without isolation when it is told to, and says so', async () => {
    const options = optionsOf({ sandbox: 'process', 'allow-unsandboxed': true });
    await using sandboxes = await openSandboxes(options);
    expect(options.warnings.join('')).toMatch(/NO ISOLATION/);
    expect(sandboxes.pool.backend.capabilities.isolation).toBe('process');
  });

  test('says what an override lets pass, also where there is some isolation', async () => {
    const allowed = { 'allow-unsandboxed': true };
    const options = optionsOf({ ...allowed, 'isolation-minimum': 'strong' });
    await using sandboxes = await openSandboxes(options);
    expect(sandboxes.pool.backend.name).toBe('bubblewrap');
    expect(options.warnings.join('')).toMatch(
      /LESS ISOLATION THAN WANTED: `bubblewrap` gives `namespace`, at least `strong`/,
    );
    const askers = [{ name: 'picky', minimumIsolation: 'strong' as const }];
    const picky = optionsOf(allowed, { askers });
    await using others = await openSandboxes(picky);
    expect(others.isolation.isOverridden).toBe(true);
    expect(picky.warnings.join('')).toMatch(/LESS ISOLATION THAN WANTED/);
    // Nothing is said where all is as wanted.
    const content = optionsOf(allowed);
    await using enough = await openSandboxes(content);
    expect(enough.isolation.isOverridden).toBe(true);
    expect(content.warnings).toEqual([]);
  });

  test('ends every sandbox when it is drained, also twice', async () => {
    const sandboxes = await openSandboxes(optionsOf({}));
    const lease = await sandboxes.pool.acquire({}, { owner: 'kept' });
    const report = await sandboxes.drain(0);
    expect(report.forced).toMatchObject([{ owner: 'kept' }]);
    expect(await sandboxes.drain(0)).toBe(report);
    await expect(lease.exec({ argv: ['true'] })).rejects.toThrow();
    await expect(sandboxes.pool.acquire({}, { owner: 'late' })).rejects.toMatchObject({
      reason: 'POOL_CLOSED',
    });
  });
});

test('the stronger of two minimums holds, unless nothing is to be refused', () => {
  expect(minimumIsolation(undefined)).toBe('namespace');
  expect(minimumIsolation('process')).toBe('process');
  expect(minimumIsolation(undefined, { minimum: 'process' })).toBe('process');
  expect(minimumIsolation('process', { minimum: 'strong' })).toBe('strong');
  expect(minimumIsolation('strong', { minimum: 'process' })).toBe('strong');
  expect(minimumIsolation('strong', { minimum: 'strong', isOverridden: true })).toBe('process');
});

test.each(['none', 5, 'Strong', null, 'constructor'])(
  'a level that there is not is refused: %s',
  (level) => {
    const own = level as unknown as IsolationLevel;
    const refused = { kind: 'invalid_input', field: 'sandbox.minimumIsolation' };
    for (const rule of [{}, { minimum: 'strong' as const }, { isOverridden: true }]) {
      expect(() => minimumIsolation(own, rule)).toThrow(expect.objectContaining(refused));
    }
    expect(() => minimumIsolation(undefined, { minimum: own })).toThrow(
      expect.objectContaining({ field: 'isolation.minimum' }),
    );
    expect(isAtLeast('strong', own)).toBe(false);
  },
);
