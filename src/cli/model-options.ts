import { type ConnectOptions, connect, lachesisErrorOf } from '../client/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import {
  createChatmlRenderer,
  createDirectServer,
  createEmbeddedEngine,
  createManagedServer,
  createPolicyServiceEngine,
  rendererFor,
} from '../models/index.ts';
import { hermesParser } from '../parsers/index.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { ENGINE_OPTIONS, type EngineModelOptions, engineModel } from './engine-model.ts';
import { openKeptPolicy } from './kept-policy.ts';
import { integerOption, textOption } from './read-options.ts';

/** Options of every command that plays environments: what plays them. */
export const MODEL_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'policy-address': {
    type: 'string',
    value: 'HOST:PORT',
    help: 'Play with the policy that is served there (managed: exact tokens).',
  },
  'openai-url': {
    type: 'string',
    value: 'URL',
    help: 'Play with an OpenAI-compatible API (direct: no trainable tokens).',
  },
  'openai-model': { type: 'string', value: 'NAME', help: 'The model to ask that API for.' },
  ...ENGINE_OPTIONS,
  'policy-seed': {
    type: 'string',
    value: 'N',
    help: 'Seed of the embedded policy, which plays when nothing else is given. Default: 0.',
  },
};

/** The model server that the options ask for. */
export async function chooseModel(
  values: OptionValues,
  io: CommandIo,
  options: EngineModelOptions & {
    /** Where the embedded policy is kept, if that is what plays. Default: nowhere. */
    readonly policyFile?: string | undefined;
  } = { purpose: 'train' },
): Promise<ChosenModel> {
  const address = textOption(values, 'policy-address');
  const url = textOption(values, 'openai-url');
  if (address !== undefined && url !== undefined) {
    throw invalidInput('--openai-url', 'and --policy-address exclude each other; give one.');
  }
  const other = address === undefined ? url && '--openai-url' : '--policy-address';
  if (other !== undefined && values['engine'] !== undefined) {
    throw invalidInput('--engine', `and ${other} exclude each other; give one.`);
  }
  const engine = await engineModel(values, io, options);
  if (engine !== undefined) return engine;
  if (url !== undefined) return directModel(url, values, io);
  if (textOption(values, 'openai-model') !== undefined) {
    throw invalidInput('--openai-url', 'is missing; --openai-model needs it.');
  }
  if (address !== undefined) return policyAt(address, { signal: io.signal });
  await using owned = new AsyncDisposableStack();
  const seed = integerOption(values, 'policy-seed', 0) ?? 0;
  const kept = owned.use(await openKeptPolicy(options.policyFile, { seed }));
  const { policy } = kept;
  const modelServer = createManagedServer({
    engine: createEmbeddedEngine(policy),
    renderer: createChatmlRenderer({ tokenizer: policy.tokenizer }),
    parser: hermesParser,
    model: policy.name,
  });
  owned.defer(() => modelServer.close());
  const all = owned.move();
  return {
    modelServer,
    policy,
    description: `the embedded policy ${policy.name} (managed)`,
    lines: kept.lines,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function directModel(url: string, values: OptionValues, io: CommandIo): ChosenModel {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw invalidInput('--openai-url', `"${url}" is no URL, such as http://127.0.0.1:8000/v1.`);
  }
  const model = textOption(values, 'openai-model');
  if (model === undefined)
    throw invalidInput('--openai-model', 'is missing; --openai-url needs it.');
  const modelServer = createDirectServer({
    baseUrl: url,
    model,
    apiKey: io.environment['OPENAI_API_KEY'] ?? 'none',
    // A rollout makes one call at a time: fewer connections would bound the rollouts in flight.
    maxConnections: integerOption(values, 'concurrency', 1) ?? 64,
  });
  return {
    modelServer,
    policy: undefined,
    description: `${model} at ${url} (direct)`,
    [Symbol.asyncDispose]: () => modelServer.close(),
  };
}

/** The policy that a server serves. */
export async function policyAt(
  given: string,
  options: Omit<ConnectOptions, 'address'> & { readonly signal: AbortSignal },
): Promise<ChosenModel> {
  const { signal } = options;
  const address = given.includes('://') ? given : `http://${given}`;
  if (!URL.canParse(address)) {
    throw invalidInput('--policy-address', `is "${given}"; give HOST:PORT.`);
  }
  await using owned = new AsyncDisposableStack();
  const client = owned.use(
    await connect({ ...options, address }).catch((error: unknown) => {
      throw unanswered(given, error);
    }),
  );
  const engine = createPolicyServiceEngine({ transport: client.transport });
  const description = await engine.describePolicy({ signal }).catch((error: unknown) => {
    throw unanswered(given, error);
  });
  const modelServer = createManagedServer({
    engine,
    renderer: rendererFor(description),
    parser: hermesParser,
    // Known from here on, also to a rollout whose first call fails.
    model: description.model,
  });
  owned.defer(() => modelServer.close());
  const all = owned.move();
  return {
    modelServer,
    policy: undefined,
    description: `${description.model} at ${address} (managed)`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function unanswered(address: string, error: unknown): LachesisError {
  const { kind, message } = lachesisErrorOf(error);
  return new LachesisError(kind, `no policy answers at ${address}: ${message}`, {
    reason: 'POLICY_UNREACHABLE',
    remedy: 'Start one with `lachesis policy --port PORT`, and give its address.',
    cause: error,
  });
}
