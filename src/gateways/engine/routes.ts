import type { JsonObject } from '../../messages.ts';
import type { EmbeddedPolicy } from '../../policy/index.ts';
import type { EngineFaults } from './faults.ts';
import type { EventStream } from './http.ts';

/** What a route is given. */
export interface RouteContext {
  readonly policy: EmbeddedPolicy;
  readonly faults: EngineFaults;
  readonly body: JsonObject;
  readonly query: URLSearchParams;
  /** Fires when the client goes away. */
  readonly signal: AbortSignal;
  /** Unique here, for response ids. */
  readonly requestId: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** Begins a stream of events; the route then returns undefined. */
  readonly stream: () => EventStream;
}

/** Answers with a JSON body, or with undefined when it streamed. */
export type Route = (context: RouteContext) => Promise<unknown>;
