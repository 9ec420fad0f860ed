// Calls per second and CPU per call, unary and streamed: our client and our server beside plain
// grpc-js on both sides, and the mixed pairs. Every party has a process of its own and the pairs
// take turns, so that a noisy moment meets all of them.
import { connect } from '../src/client/index.ts';
import { BenchProcess } from './support/bench-process.ts';
import { report, round } from './support/report.ts';
import {
  BENCH_TOKEN,
  BENCH_WORKER,
  type Driven,
  type RpcWorkload,
} from './support/rpc-workload.ts';
import { median, medianRatio } from './support/statistics.ts';

const CLIENTS = ['lachesis', 'grpc-js'] as const;
const SERVERS = ['lachesis', 'grpc-js', 'connect-node'] as const;

interface Pair {
  readonly client: (typeof CLIENTS)[number];
  readonly server: (typeof SERVERS)[number];
}

/** The first is the base of all ratios. */
const PAIRS: readonly Pair[] = [
  { client: 'grpc-js', server: 'grpc-js' },
  { client: 'lachesis', server: 'lachesis' },
  { client: 'lachesis', server: 'grpc-js' },
  { client: 'grpc-js', server: 'lachesis' },
  { client: 'grpc-js', server: 'connect-node' },
];

const WORKLOADS: Readonly<Record<string, RpcWorkload>> = {
  unary1: { kind: 'unary', concurrency: 1 },
  unary32: { kind: 'unary', concurrency: 32 },
  stream1: { kind: 'stream', concurrency: 1, messages: 16 },
  stream32: { kind: 'stream', concurrency: 32, messages: 16 },
  longStream1: { kind: 'stream', concurrency: 1, messages: 4_096 },
};

/** After one that warms up. */
const ROUNDS = 5;
const TURN_MS = 300;

/** What one pair did in one turn, per call. */
interface Turn {
  readonly callsPerSecond: number;
  readonly messagesPerSecond: number;
  readonly clientMicros: number;
  readonly serverMicros: number;
}

await using owned = new AsyncDisposableStack();
const clients = new Map(
  CLIENTS.map((name) => [name, owned.use(new BenchProcess('rpc-client.ts', [name]))]),
);
const servers = new Map<Pair['server'], { process: BenchProcess; address: string }>();
for (const name of SERVERS) {
  const process = owned.use(new BenchProcess('rpc-server.ts', [name]));
  servers.set(name, { process, address: await process.ask<string>('address') });
}
{
  const { address } = servers.get('lachesis')!;
  await using client = await connect({ address, token: BENCH_TOKEN });
  await client.work.register({ workerId: BENCH_WORKER, environments: [], capacity: 8 });
}

async function turnOf({ client, server }: Pair, workload: RpcWorkload): Promise<Turn> {
  const { process, address } = servers.get(server)!;
  const before = await process.use();
  const order = { address, workload, durationMs: TURN_MS };
  const driven = await clients.get(client)!.ask<Driven>('drive', order);
  const after = await process.use();
  const { calls, messages, seconds, cpuMicros } = driven;
  return {
    callsPerSecond: calls / seconds,
    messagesPerSecond: messages / seconds,
    clientMicros: cpuMicros / calls,
    serverMicros: (after.cpuMicros - before.cpuMicros) / calls,
  };
}

const nameOf = ({ client, server }: Pair): string => `${client} client, ${server} server`;

/** A workload's figures by pair; a first round warms up and does not count. */
async function measure(workload: RpcWorkload): Promise<object> {
  const turns = new Map<string, Turn[]>(PAIRS.map((pair) => [nameOf(pair), []]));
  for (let at = 0; at <= ROUNDS; at += 1) {
    for (const pair of PAIRS) {
      const turn = await turnOf(pair, workload);
      if (at > 0) turns.get(nameOf(pair))!.push(turn);
    }
  }
  const base = turns.get(nameOf(PAIRS[0]!))!;
  const figures = [...turns].map(([name, list]) => {
    const all = (field: keyof Turn) => list.map((turn) => turn[field]);
    const ratio = (field: keyof Turn) =>
      round(
        medianRatio(
          all(field),
          base.map((turn) => turn[field]),
        ),
      );
    return [
      name,
      {
        callsPerSecond: Math.round(median(all('callsPerSecond'))),
        ...(workload.kind === 'stream' && {
          messagesPerSecond: Math.round(median(all('messagesPerSecond'))),
        }),
        clientCpuMicrosPerCall: round(median(all('clientMicros')), 1),
        serverCpuMicrosPerCall: round(median(all('serverMicros')), 1),
        timesBase: {
          callsPerSecond: ratio('callsPerSecond'),
          clientCpuPerCall: ratio('clientMicros'),
          serverCpuPerCall: ratio('serverMicros'),
        },
      },
    ];
  });
  return { workload, ...Object.fromEntries(figures) };
}

const figures: Record<string, object> = {};
for (const [name, workload] of Object.entries(WORKLOADS)) figures[name] = await measure(workload);
report('rpc', {
  methods:
    'unary: WorkService/HeartbeatWorker; stream: PolicyService/Generate, one token a message',
  base: nameOf(PAIRS[0]!),
  rounds: ROUNDS,
  turnMs: TURN_MS,
  ...figures,
});
