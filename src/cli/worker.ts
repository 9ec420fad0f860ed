import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { PolicyService } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { type ConnectOptions, connect } from '../client/index.ts';
import { assertId } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import { isLocalWorkerId } from '../server/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createWorker, type LinkState, RemoteWorkPlane, ServerLink } from '../worker/index.ts';
import type { ChosenModel } from './chosen-model.ts';
import { CLIENT_OPTIONS, connectOptions } from './client-options.ts';
import type { Command, CommandIo, OptionValues } from './command.ts';
import { Hosting } from './hosting.ts';
import { chooseModel, MODEL_OPTIONS, policyAt } from './model-options.ts';
import { patientModel } from './patient-model.ts';
import { integerOption, SETTING_OPTIONS, settingsOption, textOption } from './read-options.ts';
import { SANDBOX_OPTIONS } from './sandbox-options.ts';
import { logOf } from './server-options.ts';
import { STATE_OPTION } from './state-folder.ts';

/** How long what plays may go on after Ctrl-C. */
const DRAIN_MS = 10_000;
/** How soon a worker hears of what was cancelled, and the server that it is there. */
const HEARTBEAT_MS = 2_000;
const CONNECT_MS = 2_000;
const REGISTER_MS = 10_000;

/** An embedded policy of a worker's own would play on untrained: the server's is used instead. */
const { 'policy-seed': _, ...WORKER_MODEL_OPTIONS } = MODEL_OPTIONS;

/** `lachesis worker FILE...`: plays environments for a server elsewhere. */
export const workerCommand: Command = {
  name: 'worker',
  summary: 'Play environments for a server, in a process of their own.',
  usage: 'FILE... [options]',
  examples: [
    'lachesis worker --server http://127.0.0.1:7070 examples/environments/shop.ts',
    'lachesis worker env.ts --engine vllm --engine-url http://127.0.0.1:8000 --tokenizer ./model',
    'LACHESIS_TOKEN=... lachesis worker env.ts --server https://trainer.example:7070',
  ],
  options: {
    ...CLIENT_OPTIONS,
    ...WORKER_MODEL_OPTIONS,
    'worker-id': {
      type: 'string',
      value: 'ID',
      help: 'Its name among the workers; a second one of that name takes the place of the first, which ends. Default: made up.',
    },
    ...SETTING_OPTIONS,
    ...SANDBOX_OPTIONS,
    concurrency: { type: 'string', value: 'N', help: 'Rollouts in flight. Default: 32.' },
    state: STATE_OPTION,
    log: { type: 'boolean', help: 'Write structured logs to standard error.' },
  },
  run: async ({ positionals, values }, io) => {
    if (positionals.length === 0) {
      throw invalidInput('FILE', 'is missing; give at least one file with an environment.');
    }
    const server = connectOptions(values, 'worker');
    const workerId = givenId(values) ?? ownId();
    const session = randomBytes(8).toString('hex');
    const concurrency = integerOption(values, 'concurrency', 1) ?? 32;
    const log = logOf(values, io);
    const logger = log ?? silentLogger;
    await using hosting = await Hosting.open({
      files: positionals,
      settings: settingsOption(values),
      state: textOption(values, 'state'),
      values,
      io,
      logger: log,
    });
    const { environments } = hosting;
    const names = environments.map(({ name }) => name);
    const failed = new AbortController();
    await using link = new ServerLink({
      connect: (signal) => connect({ ...server, connectTimeoutMs: CONNECT_MS, signal }),
      greet: async ({ work }, signal) => {
        const registration = { workerId, environments: names, capacity: concurrency, session };
        await work.register(registration, { signal, timeoutMs: REGISTER_MS });
      },
      // A token that was given does not get better; one that was found does, when the server is up.
      isFatal: ({ kind }) => kind === 'unauthenticated' && server.token !== undefined,
      onState: (state) => {
        if (state.kind === 'failed') failed.abort(state.error);
        else tell(state, io, server);
      },
    });
    await using model = await patientModel(() => workerModel(values, { io, link, server }), io);
    await using plane = new RemoteWorkPlane({ link, workerId, session, logger });
    await using worker = createWorker({
      environments: new Map(environments.map((environment) => [environment.name, environment])),
      modelServerFor: () => model.modelServer,
      plane,
      workerId,
      concurrency,
      drainMs: DRAIN_MS,
      heartbeatMs: HEARTBEAT_MS,
      logger,
    });
    await link.client(io.signal);
    hosting.begin();
    io.out(`lachesis worker ${workerId} plays ${names.join(', ')}, by ${model.description}\n`);
    await worker.run(AbortSignal.any([io.signal, failed.signal]));
    if (failed.signal.aborted) throw failed.signal.reason;
    return (await hosting.end()) ? 0 : 1;
  },
};

/** What the options ask for; without any, the server's own policy. */
async function workerModel(
  values: OptionValues,
  {
    io,
    link,
    server,
  }: {
    readonly io: CommandIo;
    readonly link: ServerLink;
    readonly server: Omit<ConnectOptions, 'signal'>;
  },
): Promise<ChosenModel> {
  const isChosen = Object.keys(WORKER_MODEL_OPTIONS).some((name) => values[name] !== undefined);
  if (isChosen) return await chooseModel(values, io);
  const { address } = await link.client(io.signal);
  const { services } = await link.call(io.signal, (client) => client.server.info());
  if (!services.includes(PolicyService.typeName)) {
    throw invalidInput('--engine', `is missing; the server at ${address} has no policy itself.`, {
      remedy: 'Say what plays: --engine, --openai-url or --policy-address.',
    });
  }
  return await policyAt(address, { ...server, signal: io.signal });
}

function tell(
  state: Exclude<LinkState, { kind: 'failed' }>,
  io: CommandIo,
  { address }: Omit<ConnectOptions, 'signal'>,
): void {
  if (state.kind === 'connected') io.out(`connected to ${state.address}\n`);
  else io.err(`waiting for ${address ?? 'a server'}: ${state.error.message}\n`);
}

/** Refused before anything is opened, not by the server when all is. */
function givenId(values: OptionValues): string | undefined {
  const id = textOption(values, 'worker-id');
  if (id === undefined) return undefined;
  assertId(id, '--worker-id');
  if (!isLocalWorkerId(id)) return id;
  throw invalidInput('--worker-id', `"${id}" is for the worker in a server.`);
}

/** Unlike any other's, also after a restart: what the one before held is not this one's. */
function ownId(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 100);
  return `${host}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
