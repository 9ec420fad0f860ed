import { LachesisError } from '../../errors.ts';
import type { ToolCallParser } from '../../parsers/index.ts';
import type { RenderingFingerprint } from '../../tokens/index.ts';
import type { Engine, EngineDescription } from '../engine.ts';
import type { ModelServer } from '../model-server.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';
import type { ManagedConfig } from './managed-config.ts';
import { ManagedSession } from './managed-session.ts';

export interface ManagedServerOptions {
  readonly engine: Engine;
  readonly renderer: ChatRenderer;
  /** Finds tool calls in what was sampled; absent: there are none. */
  readonly parser?: ToolCallParser;
  /** For provenance. Default: the engine's own, once it has been asked. */
  readonly model?: string;
  /**
   * `required` refuses a generation without logprobs, since a ratio could not be formed.
   * `ignore` takes none into the record, for evaluation. Default: `required`.
   */
  readonly logprobs?: 'required' | 'ignore';
  /** Longest one call may sample. Default: 10 minutes; 0 for no limit. */
  readonly timeoutMs?: number;
  /** How long an aborted engine may take to hand over what it sampled. Default: 1 s. */
  readonly abortGraceMs?: number;
}

/**
 * A model server that keeps the exact ids: each session holds what the engine saw and sampled, renders
 * only messages that are new, and never tokenises again what was sampled. Closing it closes the engine.
 */
export function createManagedServer(options: ManagedServerOptions): ModelServer {
  const { engine, renderer } = options;
  let description: EngineDescription | undefined;
  const config: ManagedConfig = Object.freeze({
    engine,
    renderer,
    parser: options.parser,
    logprobs: options.logprobs ?? 'required',
    timeoutMs: options.timeoutMs ?? 600_000,
    abortGraceMs: options.abortGraceMs ?? 1_000,
    async describe(signal: AbortSignal) {
      if (description === undefined) {
        const found = await engine.describe({ signal });
        assertOneModel(found, renderer);
        description = found;
      }
      return description;
    },
  });
  return {
    kind: 'managed',
    get model() {
      return options.model ?? description?.model ?? 'managed';
    },
    managed: {
      describe: ({ signal }) => config.describe(signal),
      over: (other) => createManagedServer({ ...options, engine: other }),
    },
    openSession: (session) => new ManagedSession(config, session),
    close: () => engine.close(),
  };
}

function assertOneModel({ rendering, vocabularySize }: EngineDescription, renderer: ChatRenderer) {
  const differ = (Object.keys(rendering) as (keyof RenderingFingerprint)[]).filter(
    (name) =>
      rendering[name] !== '' &&
      renderer.fingerprint[name] !== '' &&
      rendering[name] !== renderer.fingerprint[name],
  );
  if (differ.length === 0 && renderer.vocabularySize <= vocabularySize) return;
  throw new LachesisError(
    'failed_precondition',
    differ.length > 0
      ? `Engine and renderer differ in ${differ.join(' and ')}.`
      : `The renderer has ${renderer.vocabularySize} ids and the engine only ${vocabularySize}.`,
    {
      reason: 'RENDERING_MISMATCH',
      remedy: 'Build the renderer from the engine’s own tokenizer and chat template.',
    },
  );
}
