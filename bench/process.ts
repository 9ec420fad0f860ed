// `lachesis process` against an OpenAI-compatible server of a fixed 200 ms, at 1, 8, 64 and 512
// rollouts in flight: rows per second, and how much faster than one at a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { report, round } from './support/report.ts';

const LATENCY_MS = 200;
const plans = [
  { concurrency: 1, tasks: 16 },
  { concurrency: 8, tasks: 128 },
  { concurrency: 64, tasks: 1_024 },
  { concurrency: 512, tasks: 4_096 },
];

const answer = JSON.stringify({
  id: 'x',
  object: 'chat.completion',
  model: 'fixed',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: '42' } }],
});
const server = createServer((request, response) => {
  request.resume();
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(answer);
  }, LATENCY_MS);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-bench-'));
const root = path.resolve(import.meta.dirname, '..');

/** Rows per second as the command itself says them: its start-up is not counted. */
async function rowsPerSecond(concurrency: number, tasks: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      path.join(root, 'src/cli/run.ts'),
      ...['process', path.join(root, 'bench/support/adder-environment.ts')],
      ...['--openai-url', url, '--openai-model', 'fixed', '--tasks', String(tasks)],
      ...['--concurrency', String(concurrency), '--out', path.join(folder, `${concurrency}.jsonl`)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], cwd: folder },
  );
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  const [, rows, seconds] = /(\d+) rows played in ([\d.]+) s/.exec(text.replaceAll(',', '')) ?? [];
  if (Number(rows) !== tasks) throw new Error(`process did not play ${tasks} rows:\n${text}`);
  return tasks / Number(seconds);
}

const results: object[] = [];
let one = 0;
for (const { concurrency, tasks } of plans) {
  const rate = await rowsPerSecond(concurrency, tasks);
  if (concurrency === 1) one = rate;
  results.push({
    concurrency,
    tasks,
    rowsPerSecond: round(rate, 1),
    speedUp: round(rate / one, 1),
  });
}
server.close();
rmSync(folder, { recursive: true });
report('process', {
  latencyMs: LATENCY_MS,
  note: 'The server runs beside it on the same cores.',
  results,
});
