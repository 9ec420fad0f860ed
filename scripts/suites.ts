import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/** What a suite came to: tests by outcome, and the names of those that could not run here. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

export interface Suite {
  readonly name: string;
  run(): Promise<SuiteResult>;
}

/** A suite of one check: a program that exits 0. */
export function program(name: string, command: string, args: readonly string[]): Suite {
  return {
    name,
    run: async () => {
      const code = await exec(command, args);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: [] };
    },
  };
}

/** A vitest run over some paths, counted test by test. */
export function vitest(
  name: string,
  paths: readonly string[],
  exclude: readonly string[] = [],
): Suite {
  return {
    name,
    run: () =>
      withReport(async (report) => {
        const code = await exec(binary('vitest'), [
          'run',
          '--reporter=default',
          '--silent=passed-only',
          '--reporter=json',
          `--outputFile.json=${report}`,
          ...exclude.flatMap((pattern) => ['--exclude', pattern]),
          ...paths,
        ]);
        return countVitest(JSON.parse(readFileSync(report, 'utf8')), code);
      }),
  };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function countVitest(report: VitestReport, exitCode: number): SuiteResult {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const skipped = tests
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
    .map(({ fullName }) => fullName);
  // A file that does not load has no tests of its own, yet it failed; so does an unhandled rejection.
  const failed = report.numFailedTests === 0 && exitCode !== 0 ? 1 : report.numFailedTests;
  return { passed: report.numPassedTests, failed, skipped };
}

/** A pytest run over a folder, counted test by test. */
export function pytest(name: string, python: string, folder: string): Suite {
  return {
    name,
    run: () =>
      withReport(async (report) => {
        const code = await exec(python, ['-m', 'pytest', '-q', `--junitxml=${report}`, folder]);
        return countJunit(readFileSync(report, 'utf8'), code);
      }),
  };
}

function countJunit(xml: string, exitCode: number): SuiteResult {
  const cases = [...xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)];
  const has = (tag: string) => cases.filter(([, , , body = '']) => body.includes(`<${tag}`));
  const failed = has('failure').length + has('error').length;
  const skipped = has('skipped').map(([, head = '']) => /name="([^"]*)"/.exec(head)?.[1] ?? head);
  return {
    passed: cases.length - failed - skipped.length,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped,
  };
}

async function withReport(run: (file: string) => Promise<SuiteResult>): Promise<SuiteResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-report-'));
  try {
    return await run(path.join(folder, 'report'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function binary(name: string): string {
  return path.join(root, 'node_modules', '.bin', name);
}

/** Runs a program with its output shown, and resolves with its exit code. */
export function exec(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      // A log is read without a terminal, where colours are noise.
      env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
