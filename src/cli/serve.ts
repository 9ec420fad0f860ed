import path from 'node:path';
import { errorMessage, invalidInput } from '../errors.ts';
import { engineGateway } from '../gateways/index.ts';
import { MetricsRegistry } from '../telemetry/index.ts';
import { AGENT_OPTIONS, agentRules } from './agent-options.ts';
import { ATROPOS_OPTIONS, atroposGateway } from './atropos.ts';
import type { Command, OptionValues } from './command.ts';
import { Hosting } from './hosting.ts';
import { openKeptBroker, STORE_OPTION } from './kept-broker.ts';
import { listen } from './listen.ts';
import { chooseModel, MODEL_OPTIONS } from './model-options.ts';
import { integerOption, SETTING_OPTIONS, settingsOption, textOption } from './read-options.ts';
import { RolloutWriter } from './rollout-writer.ts';
import { SANDBOX_OPTIONS } from './sandbox-options.ts';
import { LISTEN_OPTIONS, listenConfig, logOf } from './server-options.ts';
import { STATE_OPTION } from './state-folder.ts';
import { untilStopped } from './until-stopped.ts';

/** `lachesis serve FILE...`: hosts environments and plays them. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'Host environments and play them for trainers, over gRPC.',
  usage: '[FILE...] [options]',
  examples: [
    'lachesis serve examples/environments/shop.ts',
    'lachesis serve examples/environments/gsm8k.ts --data test.jsonl --port 7070',
    'lachesis serve env.ts --openai-url http://127.0.0.1:8000/v1 --openai-model my-model',
    'lachesis serve --atropos 8000',
  ],
  options: {
    ...LISTEN_OPTIONS,
    ...MODEL_OPTIONS,
    ...ATROPOS_OPTIONS,
    ...SETTING_OPTIONS,
    ...SANDBOX_OPTIONS,
    ...AGENT_OPTIONS,
    'no-play': {
      type: 'boolean',
      help: 'Play nothing for runs here: leave it to `lachesis worker`. Tasks are served all the same.',
    },
    concurrency: { type: 'string', value: 'N', help: 'Rollouts in flight. Default: 64.' },
    rollouts: {
      type: 'string',
      value: 'FILE',
      help: 'Append every finished rollout to this file.',
    },
    store: STORE_OPTION,
    'policy-keep': {
      type: 'string',
      value: 'FILE',
      help: 'Keep what the embedded policy learns in this file; `none` forgets it. Default: policy.bin in the store.',
    },
    state: STATE_OPTION,
  },
  run: async ({ positionals, values }, io) => {
    if (positionals.length === 0 && values['atropos'] === undefined) {
      throw invalidInput('FILE', 'is missing; give at least one file with an environment.', {
        remedy: 'With --atropos PORT none is needed.',
      });
    }
    const metrics = new MetricsRegistry();
    await using hosting = await Hosting.open({
      files: positionals,
      settings: settingsOption(values),
      state: textOption(values, 'state'),
      values,
      io,
      metrics,
      logger: logOf(values, io),
    });
    const { environments } = hosting;
    await using kept = await openKeptBroker(values, { metrics });
    const policyFile = policyFileOf(values, kept.folder);
    await using model = await chooseModel(values, io, { purpose: 'train', metrics, policyFile });
    const file = textOption(values, 'rollouts');
    await using writer = file === undefined ? undefined : new RolloutWriter(file);
    const config = listenConfig(values, io);
    const { policy } = model;
    if (policy === undefined && values['policy-keep'] !== undefined) {
      throw invalidInput('--policy-keep', 'is for the embedded policy; another model plays here.');
    }
    const { broker, failed } = kept;
    await using server = await listen({
      ...config,
      environments,
      worker: values['no-play'] !== true,
      sandboxes: hosting.sandboxes?.pool,
      agentSandboxes: agentRules(values, io),
      modelServerFor: () => model.modelServer,
      metrics,
      broker,
      concurrency: integerOption(values, 'concurrency', 1) ?? 64,
      ...(policy === undefined
        ? {}
        : { policy, fallbacks: engineGateway({ policy, public: config.auth.kind === 'none' }) }),
      ...(writer === undefined
        ? {}
        : { onRolloutFinished: (rollout, runId) => writer.write(rollout, runId) }),
    });
    await using atropos = await atroposGateway(values, {
      broker,
      folder: kept.folder ?? textOption(values, 'state'),
      onChange: (runId) => server.runChanged(runId),
      logger: config.logger,
      metrics,
    });
    hosting.begin();
    for (const line of [...kept.lines, ...(model.lines ?? [])]) io.out(`${line}\n`);
    if (environments.length > 0) {
      const names = environments.map(({ name }) => name).join(', ');
      const player = values['no-play'] === true ? 'workers' : model.description;
      io.out(`lachesis serving ${names}, played by ${player}\n`);
    }
    io.out(`listening on ${server.address}\n`);
    if (atropos !== undefined) io.out(`atropos on ${atropos.address}\n`);
    await untilStopped(AbortSignal.any([io.signal, failed]));
    if (failed.aborted) io.err(`${errorMessage(failed.reason)}\n`);
    await Promise.all([server.drain(5_000), atropos?.drain(5_000)]);
    return (await hosting.end()) && !failed.aborted ? 0 : 1;
  },
};

/** Beside the runs that it learnt from, unless told otherwise. */
function policyFileOf(values: OptionValues, store: string | undefined): string | undefined {
  const given = textOption(values, 'policy-keep');
  if (given !== undefined) return given === 'none' ? undefined : given;
  return store === undefined ? undefined : path.join(store, 'policy.bin');
}
