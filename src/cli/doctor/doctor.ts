import { errorMessage, LachesisError } from '../../errors.ts';
import {
  BACKEND_NAMES,
  type BackendName,
  type BackendProbe,
  DEFAULT_MINIMUM,
  type IsolationLevel,
  isAtLeast,
  openBackend,
  type SandboxSettings,
} from '../../sandbox/index.ts';
import { packageVersion } from '../../server/index.ts';
import type { Command, CommandIo } from '../command.ts';
import { SANDBOX_OPTIONS, sandboxSettings } from '../sandbox-options.ts';
import { type HostFacts, hostFacts } from './host-facts.ts';

/** Of trying one backend: one that hangs must not hold the others. */
const PROBE_TIMEOUT_MS = 20_000;

/** What was found out of one backend. */
interface BackendRow {
  readonly name: BackendName;
  /** Undefined when it could not even be opened. */
  readonly isolation: IsolationLevel | undefined;
  readonly isDefault: boolean;
  readonly probe: BackendProbe;
}

/** `lachesis doctor`: which isolation works here, found out by running it. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary:
    'Find out by trying where commands can run on this machine, and what would mend the rest.',
  usage: '[options]',
  examples: ['lachesis doctor', 'lachesis doctor --json', 'lachesis doctor --sandbox docker'],
  options: {
    json: { type: 'boolean', help: 'Print it as JSON.' },
    ...SANDBOX_OPTIONS,
  },
  run: async ({ values }, io) => {
    const settings = sandboxSettings(values, io);
    const rows: BackendRow[] = [];
    // One after another: what is measured must not be the other's load.
    for (const name of BACKEND_NAMES) rows.push(await tryBackend(name, settings, io));
    const minimum = settings.minimumIsolation ?? DEFAULT_MINIMUM;
    const chosen = rows.find(({ isDefault }) => isDefault);
    const works =
      chosen?.probe.works === true &&
      chosen.isolation !== undefined &&
      isAtLeast(chosen.isolation, minimum);
    const facts = await hostFacts();
    const report = {
      ...{ version: packageVersion(), ok: works, default: settings.backend, minimum, ...facts },
      backends: rows.map(({ probe, ...row }) => ({ ...row, ...probe })),
    };
    io.out(values['json'] === true ? `${JSON.stringify(report, null, 2)}\n` : table(report, rows));
    return works ? 0 : 1;
  },
};

async function tryBackend(
  name: BackendName,
  { backend: chosen, allowUnsandboxed, ssh }: SandboxSettings,
  io: CommandIo,
): Promise<BackendRow> {
  const isDefault = name === chosen;
  let isolation: IsolationLevel | undefined;
  try {
    await using backend = await openBackend(name, {
      onWarning: () => {},
      allowRoot: allowUnsandboxed,
      environment: io.environment,
      ssh,
    });
    isolation = backend.capabilities.isolation;
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    return { name, isolation, isDefault, probe: await backend.probe({ signal }) };
  } catch (error) {
    io.signal.throwIfAborted();
    const remedy = error instanceof LachesisError ? error.remedy : undefined;
    const detail = errorMessage(error).replace(` ${remedy}`, '');
    const probe = { works: false, detail, ...(remedy === undefined ? {} : { remedy }) };
    return { name, isolation, isDefault, probe };
  }
}

function table(
  report: HostFacts & { readonly version: string; readonly ok: boolean; readonly minimum: string },
  rows: readonly BackendRow[],
): string {
  const ms = (value: number | undefined): string =>
    value === undefined ? '-' : `${value.toFixed(1)} ms`;
  const cells = [
    ['backend', 'works', 'isolation', 'create', 'exec'],
    ...rows.map(({ name, isolation, isDefault, probe }) => [
      `${name}${isDefault ? ' *' : ''}`,
      probe.works ? 'yes' : 'no',
      isolation ?? '-',
      ms(probe.createMs),
      ms(probe.execMs),
    ]),
  ];
  const widths = cells[0]?.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths?.[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const fixes = rows
    .filter(({ probe }) => !probe.works)
    .flatMap(({ name, probe }) => [
      `${name}: ${probe.detail}`,
      ...(probe.remedy === undefined ? [] : [`  fix: ${probe.remedy}`]),
    ]);
  return [
    `lachesis ${report.version}, Node ${report.node}, ${report.system}`,
    `user id ${report.uid ?? '-'}, cgroups ${report.cgroups}`,
    '',
    ...lines,
    '',
    ...fixes,
    `* is what is used here; it must give at least \`${report.minimum}\`: ${report.ok ? 'it does' : 'it does NOT'}.`,
    '',
  ].join('\n');
}
