import { LachesisError } from '../../errors.ts';
import type { Logger, MetricsRegistry } from '../../telemetry/index.ts';
import { type BackendContext, type BackendName, openBackend } from '../backends/table.ts';
import type { BackendProbe, SandboxBackend } from '../contract/backend.ts';
import { type IsolationLevel, isAtLeast } from '../contract/isolation.ts';
import type { SandboxResources, SandboxSpec } from '../contract/spec.ts';
import { combineObservers } from '../pool/combine-observers.ts';
import { createSandboxPool } from '../pool/create-pool.ts';
import type { PoolObserver } from '../pool/observer.ts';
import type { DrainReport, SandboxPool } from '../pool/pool.ts';
import { poolLog } from '../pool/pool-log.ts';
import { poolMetrics } from '../pool/pool-metrics.ts';
import { refusedByOption } from '../settings/option-names.ts';
import type { SandboxSettings } from '../settings/settings.ts';
import { checkGiven } from './check-given.ts';
import { type IsolationRule, minimumIsolation } from './minimum-isolation.ts';
import { belowMinimum, noneChosen, notWorking } from './refusals.ts';
import { sweepAtStart } from './sweep-at-start.ts';
import { withDefaults } from './with-defaults.ts';

/** Refusals that say more than that a backend does not work. */
const FINAL: ReadonlySet<string> = new Set([
  ...['ISOLATION_BELOW_MINIMUM', 'SANDBOX_OPTION_REFUSED', 'SANDBOX_NOT_HELD'],
]);

/** Who asks for sandboxes, such as an environment. */
export interface SandboxAsker {
  readonly name: string;
  /** As it says itself; undefined where it does not. */
  readonly minimumIsolation: IsolationLevel | undefined;
  /** Of every sandbox that it will ask for, as far as it is known by now. */
  readonly spec?: SandboxSpec;
}

export interface OpenSandboxesOptions {
  readonly settings: SandboxSettings;
  /** One at least. */
  readonly askers: readonly SandboxAsker[];
  /** Rollouts in flight: as many sandboxes may be there, where they are not costly. */
  readonly concurrency?: number;
  /** For credentials of providers; read, never written. */
  readonly environment: BackendContext['environment'];
  readonly warn: (message: string) => void;
  readonly metrics?: MetricsRegistry | undefined;
  /** Told of what the pool does, beside the metrics. */
  readonly observer?: PoolObserver | undefined;
  /** Told of what the pool does. Default: `warn` is told of leases that were not given back. */
  readonly logger?: Logger | undefined;
  readonly signal: AbortSignal;
}

/** A backend that was seen to work, and its pool. Its owner drains it. */
export interface OpenSandboxes extends AsyncDisposable {
  readonly pool: SandboxPool;
  readonly probe: BackendProbe;
  /** For the environments that are hosted with it. */
  readonly isolation: IsolationRule;
  /** Likewise: of a command in a rollout's shell that names no time. */
  readonly commandTimeoutMs: number | undefined;
  /** Waits for what is leased, ends every sandbox and closes the backend. Idempotent. */
  drain(graceMs: number): Promise<DrainReport>;
}

/**
 * Opens the backend that the settings ask for, finds out by trying that it works and is strong enough, and
 * opens its pool. Rejects with one `failed_precondition` that says what was tried, what it said, and what
 * would mend it.
 */
export async function openSandboxes(options: OpenSandboxesOptions): Promise<OpenSandboxes> {
  const { settings, askers, warn, metrics, logger } = options;
  if (settings.backend === 'none') throw noneChosen(askers[0]?.name ?? '');
  const rule: IsolationRule = {
    minimum: settings.minimumIsolation,
    isOverridden: settings.allowUnsandboxed,
  };
  await using owned = new AsyncDisposableStack();
  const { backend, probe } = await workingBackend(settings.backend, options, { rule, owned });
  if (backend.capabilities.isolation === 'process') {
    warn(
      'NO ISOLATION: commands of these environments run as one user, beside each other and all else of that machine (isolation `process`).\n',
    );
  }
  for (const line of belowTheWish(backend, askers, rule)) warn(line);
  await sweepAtStart(backend, options);
  const most = backend.capabilities.costly ? undefined : options.concurrency;
  const inner = createSandboxPool({
    ...(most === undefined ? {} : { maxTotal: Math.max(most, settings.minIdle) }),
    ...settings.pool,
    backend,
    observer: combineObservers(
      metrics === undefined ? undefined : poolMetrics(metrics, backend),
      options.observer,
      logger === undefined ? leaksTold(warn) : poolLog(logger),
    ),
  });
  owned.use(inner);
  const pool = withDefaults(inner, specFor(settings, backend));
  if (settings.minIdle > 0) pool.keepWarm({}, settings.minIdle);
  const all = owned.move();
  let draining: Promise<DrainReport> | undefined;
  const drain = async (graceMs: number): Promise<DrainReport> => {
    const report = await inner.drain({ graceMs });
    await all.disposeAsync();
    for (const { id, error } of report.survivors) {
      warn(`Sandbox ${id} could not be ended: ${error}\n`);
    }
    return report;
  };
  return {
    pool,
    probe,
    isolation: rule,
    commandTimeoutMs: settings.commandTimeoutMs,
    drain: (graceMs) => {
      draining ??= drain(graceMs);
      return draining;
    },
    [Symbol.asyncDispose]: async () => {
      draining ??= drain(0);
      await draining;
    },
  };
}

/** For a host without a log. */
function leaksTold(warn: (message: string) => void): PoolObserver {
  return {
    leaked: ({ id, owner }) =>
      warn(`Sandbox ${id} was not given back in time by ${owner}, and was taken from it.\n`),
  };
}

/** The backend asked for; where the default one does not work and the user said so, plain processes. */
async function workingBackend(
  name: BackendName,
  options: OpenSandboxesOptions,
  { rule, owned }: { readonly rule: IsolationRule; readonly owned: AsyncDisposableStack },
): Promise<{ readonly backend: SandboxBackend; readonly probe: BackendProbe }> {
  const { settings, environment, signal } = options;
  const open = async (which: BackendName) => {
    const backend = owned.use(
      await openBackend(which, {
        onWarning: (warning) => options.warn(`${warning}\n`),
        allowRoot: settings.allowUnsandboxed,
        environment,
        ssh: settings.ssh,
      }),
    );
    // Of what will be leased: a daemon need not have the image that nobody asks for.
    const probe = await backend.probe({ spec: specFor(settings, backend), signal });
    // Before whether it works: nobody mends what would then be refused all the same.
    assertIsolated(backend, probe, options.askers, rule);
    for (const asker of options.askers) {
      checkGiven(
        asker.spec ?? {},
        backend,
        (field) => `environment \`${asker.name}\`.sandbox.${field}`,
      );
    }
    return { backend, probe };
  };
  let failed: BackendProbe;
  try {
    const opened = await open(name);
    if (opened.probe.works) return opened;
    failed = opened.probe;
    // Of an option, which no other backend stands in for. What is known of the host is beside the point then.
    const words = failed.detail.replace(/ \((not )?as root[^()]*\)$/, '');
    const refused = refusedByOption(words, failed.remedy, { image: settings.imageFrom });
    if (refused !== undefined) throw refused;
  } catch (error) {
    // A backend whose SDK is missing can't even be opened, and says what would mend that.
    const isKnown = error instanceof LachesisError;
    if (signal.aborted || !isKnown || FINAL.has(error.reason)) throw error;
    const { remedy } = error;
    const detail = remedy === undefined ? error.message : error.message.replace(` ${remedy}`, '');
    failed = { works: false, detail, ...(remedy === undefined ? {} : { remedy }) };
  }
  const isFallback = settings.allowUnsandboxed && settings.chosenBy === 'default';
  if (!isFallback || name === 'process') throw notWorking(settings, name, failed);
  options.warn(`\`${name}\` does not work here: ${failed.detail}\n`);
  const fallback = await open('process');
  if (!fallback.probe.works) throw notWorking(settings, 'process', fallback.probe);
  return fallback;
}

function assertIsolated(
  backend: SandboxBackend,
  probe: BackendProbe,
  askers: readonly SandboxAsker[],
  rule: IsolationRule,
): void {
  for (const { name, minimumIsolation: own } of askers) {
    const minimum = minimumIsolation(own, rule);
    if (isAtLeast(backend.capabilities.isolation, minimum)) continue;
    const wantedBy = minimum === own ? `environment \`${name}\`` : 'isolation.minimum';
    throw belowMinimum(backend, { minimum, wantedBy }, probe);
  }
}

/** What the override let pass, a line for each level that was wished for. */
function belowTheWish(
  { name, capabilities: { isolation } }: SandboxBackend,
  askers: readonly SandboxAsker[],
  { minimum, isOverridden = false }: IsolationRule,
): readonly string[] {
  // Plain processes have a word of their own, whatever was wished for.
  if (!isOverridden || isolation === 'process') return [];
  const wished = new Set(
    askers.map(({ minimumIsolation: own }) => minimumIsolation(own, { minimum })),
  );
  return [...wished]
    .filter((level) => !isAtLeast(isolation, level))
    .map(
      (level) =>
        `LESS ISOLATION THAN WANTED: \`${name}\` gives \`${isolation}\`, at least \`${level}\` is wanted, and --allow-unsandboxed lets it pass.\n`,
    );
}

function specFor({ spec, wishes }: SandboxSettings, backend: SandboxBackend): SandboxSpec {
  const { limits } = backend.capabilities;
  const held = Object.entries(wishes).filter(([name]) => limits.some((limit) => limit === name));
  const resources: SandboxResources = { ...Object.fromEntries(held), ...spec.resources };
  return { ...spec, ...(Object.keys(resources).length === 0 ? {} : { resources }) };
}
