import { expect, test } from 'vitest';
import {
  combineObservers,
  createSandboxPool,
  poolLog,
  poolMetrics,
} from '../../../src/sandbox/index.ts';
import {
  createLogger,
  type LogRecord,
  MetricsRegistry,
  renderMetricsText,
} from '../../../src/telemetry/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { FakeBackend, type FakeOutcome } from '../support/fake-backend.ts';

function watched(outcome: (step: string) => FakeOutcome) {
  const clock = manualClock();
  const backend = new FakeBackend({ clock, outcome, capabilities: { costly: true } });
  const registry = new MetricsRegistry();
  const records: LogRecord[] = [];
  const logger = createLogger({ writer: (record) => void records.push(record), level: 'debug' });
  const observer = combineObservers(
    {
      leased: () => {
        throw new Error('an observer that throws');
      },
    },
    poolMetrics(registry, backend),
    poolLog(logger),
  );
  const pool = createSandboxPool({ backend, clock, observer, random: () => 0, maxTotal: 2 });
  const lines = (): readonly string[] =>
    records.map(({ level, message }) => `${level}: ${message}`);
  return { clock, pool, lines, text: () => renderMetricsText(registry), registry, backend };
}

const AT = 'backend="fake",isolation="namespace"';

test('metrics count what a pool does, and its sandboxes by key and state', async () => {
  const { pool, text, lines } = watched(() => 'ok');
  const first = await pool.acquire({ image: 'a' }, { owner: 'one' });
  const key = pool.stats().byKey[0]?.key;
  expect(text()).toContain(`lachesis_sandboxes{key="${key}",state="leased"} 1`);
  await first.exec({ argv: ['write', 'x'] });
  await first.release();
  expect(text()).toContain(`lachesis_sandboxes{key="${key}",state="leased"} 0`);
  expect(text()).toContain(`lachesis_sandboxes{key="${key}",state="idle"} 1`);
  const second = await pool.acquire({ image: 'a' }, { owner: 'two' });
  second.taint('it said so');
  await second.release();
  await pool.drain();
  for (const line of [
    `lachesis_sandbox_info{${AT}} 1`,
    `lachesis_sandbox_created_total{${AT}} 1`,
    `lachesis_sandbox_leases_total{${AT},reused="no"} 1`,
    `lachesis_sandbox_leases_total{${AT},reused="yes"} 1`,
    `lachesis_sandbox_wait_seconds_count{${AT}} 2`,
    `lachesis_sandbox_exec_seconds_count{${AT},key="${key}"} 1`,
    `lachesis_sandbox_reset_seconds_count{${AT}} 1`,
    `lachesis_sandbox_create_seconds_count{${AT}} 1`,
    `lachesis_sandbox_destroyed_total{${AT},reason="tainted"} 1`,
  ]) {
    expect(text()).toContain(`${line}\n`);
  }
  // Nothing is left of any state.
  expect(text()).not.toMatch(/lachesis_sandboxes\{.*\} [^0]/);
  expect(lines()).toEqual([
    ...['debug: sandbox made', 'debug: sandbox leased', 'debug: sandbox reset'],
    ...['debug: sandbox leased', 'debug: sandbox ended'],
  ]);
});

test('trouble is a warning of the log, what could not be ended an error, and all of it counted', async () => {
  const bad = new Set(['create']);
  const { clock, pool, text, lines } = watched((step) => (bad.has(step) ? 'fails' : 'ok'));
  const acquiring = pool.acquire({}, { owner: 'one', holdMs: 1_000 });
  await clock.advance(10);
  bad.clear();
  await clock.advance(1_000);
  const lease = await acquiring;
  bad.add('terminate');
  await clock.advance(120_000);
  await expect(lease.exec({ argv: ['true'] })).rejects.toMatchObject({ reason: 'LEASE_EXPIRED' });
  bad.add('create');
  const late = pool.acquire({ image: 'b' }, { owner: 'two', timeoutMs: 100 });
  const refused = expect(late).rejects.toMatchObject({ reason: 'ACQUIRE_TIMEOUT' });
  await clock.advance(100);
  await refused;
  expect(lines()).toContain('warn: sandbox not made');
  expect(lines()).toContain('warn: sandbox lease taken back');
  expect(lines()).toContain('error: sandbox could not be ended');
  expect(lines()).toContain('debug: sandbox refused');
  for (const line of [
    `lachesis_sandbox_create_failed_total{${AT}} 2`,
    `lachesis_sandbox_leaks_total{${AT}} 1`,
    `lachesis_sandbox_survived_total{${AT}} 1`,
    `lachesis_sandbox_refused_total{${AT},reason="ACQUIRE_TIMEOUT"} 1`,
  ]) {
    expect(text()).toContain(`${line}\n`);
  }
});

test('keys beyond the first 64 share a label, and go back to nothing with the others', () => {
  const backend = new FakeBackend({ clock: manualClock() });
  const registry = new MetricsRegistry();
  const observer = poolMetrics(registry, backend);
  const count = (key: string, idle: number): void =>
    observer.counted?.({
      ...{ key, idle, creating: 0, leased: 0, resetting: 0, closing: 0, waiting: 0 },
    });
  for (let at = 0; at < 70; at++) count(`key-${at}`, 2);
  expect(renderMetricsText(registry)).toContain('lachesis_sandboxes{key="other",state="idle"} 12');
  expect(renderMetricsText(registry)).not.toContain('key-64');
  const exec = (key: string): void => observer.executed?.({ key, id: 'a', durationMs: 30 });
  for (let at = 0; at < 70; at++) exec(`key-${at}`);
  const counted = `lachesis_sandbox_exec_seconds_count{${AT},key=`;
  expect(renderMetricsText(registry)).toContain(`${counted}"key-63"} 1\n`);
  expect(renderMetricsText(registry)).toContain(`${counted}"other"} 6\n`);
  expect(renderMetricsText(registry)).toContain(
    `lachesis_sandbox_exec_seconds_sum{${AT},key="key-0"} 0.03\n`,
  );
  for (let at = 0; at < 70; at++) count(`key-${at}`, 0);
  expect(renderMetricsText(registry)).not.toMatch(/lachesis_sandboxes\{.*\} [^0]/);
});

test('pools that share a registry add up', () => {
  const backend = new FakeBackend({ clock: manualClock() });
  const registry = new MetricsRegistry();
  const counts = {
    key: 'k',
    idle: 1,
    creating: 0,
    leased: 0,
    resetting: 0,
    closing: 0,
    waiting: 0,
  };
  poolMetrics(registry, backend).counted?.(counts);
  poolMetrics(registry, backend).counted?.(counts);
  expect(renderMetricsText(registry)).toContain('lachesis_sandboxes{key="k",state="idle"} 2');
});
