// A program of the tests: makes a box as whoever runs it, and says as JSON how it behaves.
import { createBubblewrapBackend, outputText } from '../../../../src/sandbox/index.ts';

process.env['ONE_BOX_SECRET'] = 'host-secret';
await using backend = createBubblewrapBackend();
const { signal } = new AbortController();
const probe = await backend.probe({ signal });
const box = await backend.create({ resources: { pids: 30, memoryMiB: 500 } }, { signal });
const run = async (script: string, options: { timeoutMs?: number; stdin?: string } = {}) => {
  const result = await box.exec(
    { argv: ['sh', '-c', script], stdin: Buffer.from(options.stdin ?? '') },
    { timeoutMs: options.timeoutMs ?? 20_000 },
  );
  const text = `${outputText(result.stdout)}${outputText(result.stderr)}`.trim();
  return { text, code: result.exitCode };
};
const grep = 'grep -E "^(NoNewPrivs|CapEff)" /proc/self/status | tr "\\t\\n" "  "';
const found = {
  probe: probe.works || probe,
  who: (await run('echo $(id -u) $(id -un)')).text,
  streams: (await run('cat /dev/stdin > /dev/stdout', { stdin: 'in' })).text,
  caps: (await run(grep)).text,
  root: (
    await run(
      'touch /x 2>/dev/null || touch /dev/x 2>/dev/null || touch /usr/x 2>/dev/null || echo read-only',
    )
  ).text
    .split('\n')
    .at(-1),
  memory: (await run('python3 -c "bytearray(900 << 20)"')).text.split('\n').at(-1),
  timedOut: (await run('sleep 30', { timeoutMs: 300 })).code,
  killed: (await run('kill -9 $$')).code,
  secret: (await run('cat /proc/*/environ | grep -a -o host-secret')).text,
  processes: /Cannot fork/.exec((await run('for i in $(seq 60); do sleep 30 & done')).text)?.[0],
};
await box.terminate();
const gone = await box.exec({ argv: ['true'] }).catch((error) => error.reason);
console.log(JSON.stringify({ ...found, gone }));
