import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import { isJsonObject } from '../../messages.ts';
import { chatTemplateOf } from './config-template.ts';
import { readGgufMetadata } from './gguf-metadata.ts';
import { ggufTokenizer, isTokenizerKey } from './gguf-tokenizer.ts';
import { createModelTokenizer } from './model-tokenizer.ts';
import {
  createTemplateRenderer,
  type TemplateRenderer,
  type TemplateRendererOptions,
} from './template-renderer.ts';

export interface ModelFolderOptions
  extends Omit<TemplateRendererOptions, 'tokenizer' | 'template'> {
  /** Default: `chat_template.jinja` of the folder, else the one in tokenizer_config.json or the GGUF file. */
  readonly template?: string;
  readonly signal?: AbortSignal;
}

/**
 * The renderer of a model whose files lie in a folder, as a download of it has them: tokenizer.json,
 * tokenizer_config.json and, where there are such, chat_template.jinja and generation_config.json. Or of
 * a GGUF file, whose head has the like.
 * @throws not_found without a tokenizer.json, invalid_input for files that can't be read.
 */
export async function readModelRenderer(
  folderOrGguf: string,
  options: ModelFolderOptions = {},
): Promise<TemplateRenderer> {
  const { signal, ...rest } = options;
  const files = (await isFile(folderOrGguf))
    ? await readGguf(folderOrGguf, signal)
    : await readFolder(folderOrGguf, signal);
  const { tokenizer, config } = files;
  const template = options.template ?? files.template ?? chatTemplateOf(config);
  if (template === undefined) {
    throw invalidInput('template', `is not given, and ${folderOrGguf} has no chat template.`, {
      reason: 'NO_TEMPLATE',
      remedy: 'Give the template that the model was trained with.',
    });
  }
  return createTemplateRenderer({
    stopTokenIds: files.stopTokenIds,
    ...rest,
    tokenizer: createModelTokenizer({ tokenizer, config, template }),
    template,
  });
}

interface ModelFiles {
  readonly tokenizer: JsonObject;
  readonly config: JsonObject;
  /** One that comes before the config's. */
  readonly template?: string | undefined;
  readonly stopTokenIds: readonly number[];
}

async function isFile(at: string): Promise<boolean> {
  try {
    return (await stat(at)).isFile();
  } catch (cause) {
    throw new LachesisError('not_found', `${at} can't be read: ${errorMessage(cause)}.`, {
      reason: 'NO_TOKENIZER',
      remedy: 'Give the folder of the model’s own files, or its GGUF file.',
      cause,
    });
  }
}

async function readGguf(file: string, signal: AbortSignal | undefined): Promise<ModelFiles> {
  const metadata = await readGgufMetadata(file, { wants: isTokenizerKey, signal });
  return ggufTokenizer(metadata, file);
}

async function readFolder(folder: string, signal: AbortSignal | undefined): Promise<ModelFiles> {
  const text = (name: string): Promise<string | undefined> =>
    readIfThere(path.join(folder, name), signal);
  const json = async (name: string): Promise<JsonObject | undefined> =>
    parsed(await text(name), path.join(folder, name));
  const tokenizer = await json('tokenizer.json');
  if (tokenizer === undefined) {
    throw new LachesisError('not_found', `${folder} has no tokenizer.json.`, {
      reason: 'NO_TOKENIZER',
      remedy: 'Give the folder of the model’s own files, or its GGUF file.',
    });
  }
  return {
    tokenizer,
    config: (await json('tokenizer_config.json')) ?? {},
    stopTokenIds: stopTokenIds(await json('generation_config.json')),
    template: await text('chat_template.jinja'),
  };
}

async function readIfThere(
  file: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await readFile(file, { encoding: 'utf8', ...(signal && { signal }) });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    signal?.throwIfAborted();
    throw new LachesisError('infrastructure_error', `${file}: ${errorMessage(thrown)}`, {
      reason: 'MODEL_FILE_UNREADABLE',
      cause: thrown,
    });
  }
}

function parsed(text: string | undefined, file: string): JsonObject | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidInput(file, `is no JSON: ${errorMessage(cause)}.`, { cause });
  }
  if (isJsonObject(value)) return value;
  throw invalidInput(file, 'is no JSON object.');
}

function stopTokenIds(generation: JsonObject | undefined): readonly number[] {
  const found = generation?.['eos_token_id'];
  const list = Array.isArray(found) ? found : [found];
  return list.filter((id) => typeof id === 'number');
}
