import { invalidInput } from '../errors.ts';
import { type EngineFaults, engineGateway } from '../gateways/index.ts';
import type { Command } from './command.ts';
import { openKeptPolicy } from './kept-policy.ts';
import { listen } from './listen.ts';
import { integerOption, listOption, textOption } from './read-options.ts';
import { LISTEN_OPTIONS, listenConfig } from './server-options.ts';
import { untilStopped } from './until-stopped.ts';

const FAULTS: Readonly<Record<string, EngineFaults>> = Object.freeze({
  'drop-stop-token': { dropStopToken: true },
  'null-logprobs': { nullLogprobs: true },
  'raw-logprobs': { logprobMode: 'raw' },
  slow: { delayMs: 2_000 },
  'fail-429': { failFirst: 1, failStatus: 429 },
  'fail-503': { failFirst: 1, failStatus: 503 },
  'truncate-body': { truncateBody: true },
});

/** `lachesis policy`: the embedded policy by itself, as PolicyService and as an HTTP engine. */
export const policyCommand: Command = {
  name: 'policy',
  summary: 'Serve the embedded trainable policy: PolicyService, and OpenAI- and vLLM-shaped HTTP.',
  usage: '[options]',
  examples: [
    'lachesis policy --port 8000',
    'lachesis policy --keep policy.bin       # goes on from what it has learnt',
    'lachesis policy --no-updates            # never trains',
    'lachesis policy --fault null-logprobs   # an engine that misbehaves, for testing',
  ],
  options: {
    ...LISTEN_OPTIONS,
    seed: { type: 'string', value: 'N', help: 'Seed of its sampling. Default: 0.' },
    keep: {
      type: 'string',
      value: 'FILE',
      help: 'Keep what it learns in this file, across restarts: written before a step is answered.',
    },
    'no-updates': { type: 'boolean', help: 'Measure training steps, and never apply them.' },
    fault: {
      type: 'string',
      multiple: true,
      value: 'NAME',
      help: `Misbehave over HTTP: ${Object.keys(FAULTS).join(', ')}.`,
    },
  },
  run: async ({ values }, io) => {
    await using kept = await openKeptPolicy(textOption(values, 'keep'), {
      seed: integerOption(values, 'seed', 0) ?? 0,
      updatesEnabled: values['no-updates'] !== true,
      scheduler: { maxActive: 128 },
    });
    const { policy } = kept;
    const config = listenConfig(values, io);
    await using server = await listen({
      ...config,
      environments: [],
      policy,
      fallbacks: engineGateway({
        policy,
        faults: faultsOf(listOption(values, 'fault')),
        public: config.auth.kind === 'none',
      }),
    });
    for (const line of kept.lines) io.out(`${line}\n`);
    io.out(`lachesis policy ${policy.name} listening on ${server.address}\n`);
    await untilStopped(io.signal);
    await server.drain(2_000);
    return 0;
  },
};

function faultsOf(names: readonly string[]): EngineFaults {
  const chosen = names.map((name) => {
    const fault = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
    if (fault !== undefined) return fault;
    throw invalidInput('--fault', `"${name}" is unknown; give ${Object.keys(FAULTS).join(', ')}.`);
  });
  return Object.assign({}, ...chosen);
}
