import { createHash } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TextTokenizer } from '../../src/models/index.ts';

/*
 * The part of node-llama-cpp 3.22.1 that is used here; the package is installed by the suite alone, so the
 * type checker of the house never sees it.
 */
interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly seed?: number;
  readonly yieldEogToken?: boolean;
}

interface Sequence {
  clearHistory(): Promise<void>;
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { readonly confidence: true },
    options: Sampling,
  ): AsyncGenerator<{ readonly token: number; readonly confidence: number }, void, void>;
  controlledEvaluate(
    input: readonly unknown[],
  ): Promise<
    readonly ({ readonly next: { readonly probabilities?: Map<number, number> } } | undefined)[]
  >;
}

interface Model {
  readonly trainContextSize: number;
  readonly fileInfo: {
    readonly metadata: {
      readonly tokenizer: { readonly ggml: { readonly tokens: readonly string[] } };
    };
  };
  tokenize(text: string, specialTokens: boolean): readonly number[];
  detokenize(tokens: readonly number[], specialTokens: boolean): string;
  isEogToken(token: number): boolean;
  createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
  dispose(): Promise<void>;
}

interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<Model>;
    dispose(): Promise<void>;
  }>;
}

export interface Sampled {
  readonly token: number;
  readonly probability: number;
}

/** A GGUF model in this process, one call at a time. */
export class RealModel {
  readonly tokenizer: TextTokenizer;
  readonly contextLength = 2_048;
  readonly #model: Model;
  readonly #sequence: Sequence;
  readonly #dispose: () => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(model: Model, sequence: Sequence, dispose: () => Promise<void>) {
    this.#model = model;
    this.#sequence = sequence;
    this.#dispose = dispose;
    this.tokenizer = tokenizerOf(model);
  }

  static async load(modelPath: string): Promise<RealModel> {
    const llama = await openLlama('error');
    const model = await llama.loadModel({ modelPath });
    const context = await model.createContext({ contextSize: 2_048, sequences: 1, threads: 1 });
    return new RealModel(model, context.getSequence(), async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    });
  }

  isEnd(token: number): boolean {
    return this.#model.isEogToken(token);
  }

  /** Samples until the turn ends, the limit is reached or nobody waits any more. */
  sample(
    prompt: readonly number[],
    options: Sampling & { readonly maxTokens: number; readonly gone: () => boolean },
  ): Promise<Sampled[]> {
    return this.#inTurn(async () => {
      const { maxTokens, gone, ...sampling } = options;
      await this.#sequence.clearHistory();
      const sampled: Sampled[] = [];
      const tokens = this.#sequence.evaluateWithMetadata(prompt, { confidence: true }, sampling);
      for await (const { token, confidence } of tokens) {
        sampled.push({ token, probability: confidence });
        if (sampled.length >= maxTokens || this.isEnd(token) || gone()) break;
      }
      return sampled;
    });
  }

  /** Logprobs at a temperature of the ids at some positions, each given those before it. */
  score(
    ids: Int32Array,
    positions: ReadonlySet<number>,
    temperature: number,
  ): Promise<ReadonlyMap<number, number>> {
    return this.#inTurn(async () => {
      await this.#sequence.clearHistory();
      const options = { temperature, topK: 0, topP: 1, minP: 0 };
      const input = Array.from(ids, (id, at) =>
        positions.has(at + 1) ? [id, { generateNext: { probabilities: true, options } }] : id,
      );
      const found = await this.#sequence.controlledEvaluate(input);
      return new Map(
        Array.from(positions, (at) => [
          at,
          Math.log(found[at - 1]?.next.probabilities?.get(ids[at]!) ?? Number.NaN),
        ]),
      );
    });
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#dispose();
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }
}

async function openLlama(logLevel: 'error' | 'disabled') {
  const entry = path.join(import.meta.dirname, 'node_modules/node-llama-cpp/dist/index.js');
  const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaModule;
  return getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel, maxThreads: 1 });
}

/** What llama.cpp makes of texts by a GGUF file that may have no tensors. */
export async function encodeByVocabulary(
  modelPath: string,
  texts: readonly string[],
): Promise<readonly (readonly number[])[]> {
  // It says that there are no tensors before it does without.
  const llama = await openLlama('disabled');
  const model = await llama.loadModel({ modelPath, vocabOnly: true });
  const found = texts.map((text) => [...model.tokenize(text, false)]);
  await model.dispose();
  await llama.dispose();
  return found;
}

function tokenizerOf(model: Model): TextTokenizer {
  const { tokens } = model.fileInfo.metadata.tokenizer.ggml;
  return {
    vocabularySize: tokens.length,
    fingerprint: createHash('sha256').update(JSON.stringify(tokens)).digest('hex'),
    encode: (text, options) =>
      Int32Array.from(text === '' ? [] : model.tokenize(text, options?.allowSpecial === true)),
    decode: (ids) => model.detokenize([...ids], true),
  };
}
