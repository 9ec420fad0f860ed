import { readFile } from 'node:fs/promises';
import { errorMessage, invalidInput } from '../errors.ts';
import {
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
  type HttpEngineOptions,
  type ModelFolderOptions,
  readModelRenderer,
  type TemplateRenderer,
} from '../models/index.ts';
import { createParserRegistry } from '../parsers/index.ts';
import type { MetricsRegistry } from '../telemetry/index.ts';
import { CHAT_ENGINE, chatModel } from './chat-model.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { engineAt } from './engine-address.ts';
import { ALLOWANCES, engineSettings } from './engine-settings.ts';
import { textOption } from './read-options.ts';
import { tellFindings } from './tell-findings.ts';

const ENGINES: Readonly<Record<string, (options: HttpEngineOptions) => Engine>> = Object.freeze({
  vllm: (options) => createVllmEngine(options),
  'vllm-completions': createVllmCompletionsEngine,
  sglang: createSglangEngine,
  'llama-cpp': createLlamaCppEngine,
  trl: createTrlEngine,
  completions: createCompletionsEngine,
});

const NAMES = [...Object.keys(ENGINES), CHAT_ENGINE].join(', ');

/** Options that play with an inference server and keep the exact ids. */
export const ENGINE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  engine: {
    type: 'string',
    value: 'NAME',
    help: `Play with an inference server (managed): ${NAMES}.`,
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
    value: 'PATH',
    help: 'Its own files: a folder with tokenizer.json and the like, or GGUF. Not for vllm-chat.',
  },
  'chat-template': {
    type: 'string',
    value: 'FILE',
    help: "A chat template in place of the model's own.",
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

/** A renderer of the model whose files lie in a folder, or that is a GGUF file. */
export type ReadRenderer = (
  folderOrGguf: string,
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
  if (name === CHAT_ENGINE) return chatModel(values, io, { purpose, ...(metrics && { metrics }) });
  const create = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (create === undefined) {
    throw invalidInput('--engine', `"${name}" is unknown; give ${NAMES}.`);
  }
  const { urls, http, allow, onLie, canaryShare: share } = engineSettings(values, io);
  const files = textOption(values, 'tokenizer');
  if (files === undefined) {
    throw invalidInput(
      '--tokenizer',
      'is missing; an engine takes ids, so the model’s own tokenizer is needed.',
    );
  }
  const grammar = textOption(values, 'tool-parser') ?? 'auto';
  const parserOf = (served?: string) =>
    createParserRegistry().get(grammar, served, '--tool-parser');
  if (grammar !== 'auto') parserOf();
  const template = await templateText(textOption(values, 'chat-template'));
  const renderer = await readRenderer(files, {
    signal: io.signal,
    ...(template !== undefined && { template }),
  });
  await using opened = new AsyncDisposableStack();
  const engines = urls.map((address, index) => {
    const engine = engineAt(address, { index, count: urls.length }, (url) =>
      create({
        url,
        vocabularySize: renderer.vocabularySize,
        rendering: renderer.fingerprint,
        ...http,
      }),
    );
    opened.defer(() => engine.close());
    return engine;
  });
  const engine =
    engines.length === 1
      ? engines[0]!
      : createEnginePool({
          engines: engines.map((one) => ({ engine: one, maxConcurrency: http.maxConnections })),
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

async function templateText(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw invalidInput('--chat-template', `can't be read: ${errorMessage(cause)}.`, { cause });
  }
}
