import { readFile } from 'node:fs/promises';
import { errorMessage, invalidInput } from '../errors.ts';
import {
  type Allowance,
  type ChatRenderer,
  createCompletionsEngine,
  createEnginePool,
  createLlamaCppEngine,
  createManagedServer,
  createSglangEngine,
  createTrlEngine,
  createVllmCompletionsEngine,
  createVllmEngine,
  type Engine,
  type EngineProbe,
  type HttpEngineOptions,
  type ModelFolderOptions,
  readModelRenderer,
  type TemplateRenderer,
} from '../models/index.ts';
import { createParserRegistry } from '../parsers/index.ts';
import type { MetricsRegistry } from '../telemetry/index.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { ENGINE_KEY, engineAt } from './engine-address.ts';
import { integerOption, listOption, textOption } from './read-options.ts';
import { visible } from './visible.ts';

const ENGINES: Readonly<Record<string, (options: HttpEngineOptions) => Engine>> = Object.freeze({
  vllm: (options) => createVllmEngine(options),
  'vllm-completions': createVllmCompletionsEngine,
  sglang: createSglangEngine,
  'llama-cpp': createLlamaCppEngine,
  trl: createTrlEngine,
  completions: createCompletionsEngine,
});

const ALLOWANCES: readonly Allowance[] = [
  'text_tier',
  'raw_logprobs',
  'unknown_logprobs',
  'other_tokenizer',
];

/** Options that play with an inference server, ids in and ids out. */
export const ENGINE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  engine: {
    type: 'string',
    value: 'NAME',
    help: `Play with an inference server (managed): ${Object.keys(ENGINES).join(', ')}.`,
  },
  'engine-url': {
    type: 'string',
    multiple: true,
    value: 'URL',
    help: 'Its address, without the route; several are a pool. LACHESIS_ENGINE_API_KEY is its key.',
  },
  'engine-model': {
    type: 'string',
    value: 'NAME',
    help: 'The model to ask it for. Default: its first.',
  },
  tokenizer: {
    type: 'string',
    value: 'FOLDER',
    help: "The model's own files: tokenizer.json and the like.",
  },
  'chat-template': {
    type: 'string',
    value: 'FILE',
    help: "A chat template in place of the tokenizer folder's own.",
  },
  'tool-parser': {
    type: 'string',
    value: 'NAME',
    help: "The grammar in which the model writes tool calls. Default: auto, by the model's name.",
  },
  'engine-logprobs': {
    type: 'string',
    value: 'MODE',
    help: 'raw or processed, as the server was started. Default: found by asking it.',
  },
  'engine-allow': {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: `Train in spite of: ${ALLOWANCES.join(', ')}.`,
  },
  'engine-canary': {
    type: 'string',
    value: 'SHARE',
    help: 'Share of the sampled turns that are scored again, where the engine can. Default: 0.01.',
  },
  'engine-lies': {
    type: 'string',
    value: 'refuse|mark',
    help: 'What becomes of an answer whose numbers disagree: it fails, or is kept and not trained. Default: refuse.',
  },
};

/** A renderer of the model whose files lie in a folder. */
export type ReadRenderer = (
  folder: string,
  options: ModelFolderOptions,
) => Promise<ChatRenderer | TemplateRenderer>;

export interface EngineModelOptions {
  /** `evaluation` needs no logprobs, and refuses no engine for want of them. */
  readonly purpose: 'train' | 'evaluation';
  readonly readRenderer?: ReadRenderer;
  /** Holds how far sampled logprobs are from their later score. */
  readonly metrics?: MetricsRegistry;
}

/** The model server that `--engine` asks for, or undefined where it is not given. */
export async function engineModel(
  values: OptionValues,
  io: CommandIo,
  { purpose, readRenderer = readModelRenderer, metrics }: EngineModelOptions,
): Promise<ChosenModel | undefined> {
  const name = textOption(values, 'engine');
  if (name === undefined) {
    const alone = Object.keys(ENGINE_OPTIONS).find((option) => values[option] !== undefined);
    if (alone !== undefined) throw invalidInput('--engine', `is missing; --${alone} needs it.`);
    return undefined;
  }
  const create = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (create === undefined) {
    throw invalidInput(
      '--engine',
      `"${name}" is unknown; give ${Object.keys(ENGINES).join(', ')}.`,
    );
  }
  const urls = listOption(values, 'engine-url');
  if (urls.length === 0) throw invalidInput('--engine-url', 'is missing; --engine needs it.');
  const folder = textOption(values, 'tokenizer');
  if (folder === undefined) {
    throw invalidInput(
      '--tokenizer',
      'is missing; an engine takes ids, so the model’s own tokenizer is needed.',
    );
  }
  const grammar = textOption(values, 'tool-parser') ?? 'auto';
  const parserOf = (served?: string) =>
    createParserRegistry().get(grammar, served, '--tool-parser');
  if (grammar !== 'auto') parserOf();
  const allow = allowances(values);
  const logprobMode = oneOf(values, 'engine-logprobs', ['raw', 'processed']);
  const share = shareOption(values);
  const onLie = oneOf(values, 'engine-lies', ['refuse', 'mark']);
  const template = await templateText(textOption(values, 'chat-template'));
  const renderer = await readRenderer(folder, {
    signal: io.signal,
    ...(template !== undefined && { template }),
  });
  const apiKey = io.environment[ENGINE_KEY];
  const model = textOption(values, 'engine-model');
  const maxConnections = integerOption(values, 'concurrency', 1) ?? 64;
  await using opened = new AsyncDisposableStack();
  const engines = urls.map((address, index) => {
    const engine = engineAt(address, { index, count: urls.length }, (url) =>
      create({
        url,
        vocabularySize: renderer.vocabularySize,
        rendering: renderer.fingerprint,
        maxConnections,
        ...(model !== undefined && { model }),
        ...(apiKey !== undefined && { apiKey }),
        ...(logprobMode !== undefined && { logprobMode }),
      }),
    );
    opened.defer(() => engine.close());
    return engine;
  });
  const engine =
    engines.length === 1
      ? engines[0]!
      : createEnginePool({
          engines: engines.map((one) => ({ engine: one, maxConcurrency: maxConnections })),
        });
  // Now, so that a wrong address is told before anything plays.
  const { model: served } = await engine.describe({ signal: io.signal });
  const modelServer = createManagedServer({
    engine,
    renderer,
    parser: parserOf(served),
    allow,
    purpose,
    ...(onLie !== undefined && { onLie }),
    ...(purpose === 'train' && { canary: { share, ...(metrics !== undefined && { metrics }) } }),
    logprobs: purpose === 'evaluation' ? 'ignore' : 'required',
  });
  await modelServer.managed!.describe({ signal: io.signal });
  tellFindings(await modelServer.probe({ signal: io.signal }), io);
  opened.move();
  if ('certification' in renderer) io.err(`rendering: ${renderer.certification.summary}\n`);
  const hosts = urls.map((url) => new URL(url).host).join(', ');
  return {
    modelServer,
    policy: undefined,
    description: `${served} at ${hosts} (${name}, managed)`,
    [Symbol.asyncDispose]: () => modelServer.close(),
  };
}

/** What the probe found that is not as it should be, or can't be known. */
function tellFindings(probe: EngineProbe | undefined, io: CommandIo): void {
  for (const { probe: name, outcome, detail } of probe?.findings ?? []) {
    if (outcome !== 'yes') io.err(`engine: ${name}: ${outcome}: ${visible(detail)}\n`);
  }
}

function allowances(values: OptionValues): readonly Allowance[] {
  return listOption(values, 'engine-allow').map((given) => {
    const known = ALLOWANCES.find((allowance) => allowance === given);
    if (known !== undefined) return known;
    throw invalidInput('--engine-allow', `"${given}" is unknown; give ${ALLOWANCES.join(', ')}.`);
  });
}

function shareOption(values: OptionValues): number {
  const text = textOption(values, 'engine-canary') ?? '0.01';
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw invalidInput('--engine-canary', `is "${text}"; give a share of 0 to 1.`);
}

function oneOf<Word extends string>(
  values: OptionValues,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const given = textOption(values, name);
  const known = words.find((word) => word === given);
  if (given === undefined || known !== undefined) return known;
  throw invalidInput(`--${name}`, `is "${given}"; give ${words.join(' or ')}.`);
}

async function templateText(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw invalidInput('--chat-template', `can't be read: ${errorMessage(cause)}.`, { cause });
  }
}
