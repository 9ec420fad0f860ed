import { untilAborted } from '../../async/index.ts';
import type { Engine, EngineDescription } from '../engine.ts';
import { type EngineProbe, probeEngine } from '../engines/probe.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';
import { probePrompt } from './probe-prompt.ts';

/** What a managed server found out about its engine. */
export interface EngineFacts {
  readonly description: EngineDescription;
  /** Undefined where nothing was probed. */
  readonly probe: EngineProbe | undefined;
}

/**
 * Finds out about an engine once, for however many sessions ask at once, and again only after a
 * failure. The work is the server's own, so a session that gives up does not take it from the others.
 */
export class FactFinder {
  readonly #find: (signal: AbortSignal) => Promise<EngineFacts>;
  readonly #closed = new AbortController();
  #found: Promise<EngineFacts> | undefined;

  constructor(find: (signal: AbortSignal) => Promise<EngineFacts>) {
    this.#find = find;
  }

  facts(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#found === undefined) {
      const finding = this.#find(this.#closed.signal);
      this.#found = finding;
      finding.catch(() => {
        if (this.#found === finding) this.#found = undefined;
      });
    }
    return untilAborted(this.#found, { signal });
  }

  close(): void {
    this.#closed.abort(new DOMException('The model server was closed.', 'AbortError'));
  }
}

/** A probe of an engine with the prompts of a renderer. */
export function probeWith(
  engine: Engine,
  renderer: ChatRenderer,
  options: { readonly timeoutMs?: number; readonly signal: AbortSignal },
): Promise<EngineProbe> {
  return probeEngine(engine, { ...probePrompt(renderer), ...options });
}
