import type { SamplingParameters } from '../../messages.ts';
import type { ToolCallParser } from '../../parsers/index.ts';
import type { Engine, EngineDescription, EnginePurpose } from '../engine.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';
import type { DriftCanary } from './drift-canary.ts';

/** What a managed server's sessions share; none of it changes. */
export interface ManagedConfig {
  /** Its generations have their shape, and say what was asked. */
  readonly engine: Pick<Engine, 'generate'>;
  readonly renderer: ChatRenderer;
  readonly parser: ToolCallParser | undefined;
  readonly logprobs: 'required' | 'ignore';
  readonly timeoutMs: number;
  readonly abortGraceMs: number;
  /** Asked once, and again only after a failure. Rejects when engine and renderer are not of one model. */
  readonly describe: (signal: AbortSignal) => Promise<EngineDescription>;
  /** Throws when what is sampled like this could not be trained. */
  readonly assertSampling: (sampling: SamplingParameters, description: EngineDescription) => void;
  readonly onLie: 'refuse' | 'mark';
  readonly purpose: EnginePurpose;
  readonly canary: DriftCanary | undefined;
}
