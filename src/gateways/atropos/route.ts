import type { Answer } from './answers.ts';
import type { BatchDesk } from './batch-desk.ts';
import type { CurrentRun } from './current-run.ts';
import type { EarlyRun } from './early-run.ts';
import type { AtroposConfig } from './gateway-options.ts';
import type { GroupWork, PushedBody } from './group-work.ts';
import type { Pushes } from './pushes.ts';
import type { PushShape } from './read-push.ts';
import type { Body } from './request-body.ts';
import type { Session } from './session.ts';
import type { SavedSession, SessionFile } from './session-file.ts';

/** What the routes work on. */
export interface GatewayState {
  readonly config: AtroposConfig;
  readonly run: CurrentRun;
  readonly desk: BatchDesk;
  readonly work: GroupWork;
  readonly early: EarlyRun;
  readonly pushes: Pushes;
  readonly file: SessionFile;
  /** As the process before this one left it. */
  readonly saved: SavedSession | undefined;
  /** Replaced at a reset. */
  session: Session;
}

export interface RouteContext extends GatewayState {
  /** Reads and parses the body of any route but a push; refuses one that is missing. */
  readonly body: () => Promise<Body>;
  /** Reads and checks the groups of a push. */
  readonly pushed: (shape: PushShape) => Promise<PushedBody>;
  /** As `body`, undefined where there is none. */
  readonly optionalBody: () => Promise<Body | undefined>;
  readonly query: URLSearchParams;
  /** Fires when the client hangs up, when the gateway closes. */
  readonly signal: AbortSignal;
  /** The state itself, for the route that replaces the session. */
  readonly state: GatewayState;
}

/** What follows from whether an answer was written out. */
export interface Outcome {
  readonly answer: Answer;
  /** It was, and was read as far as its connection tells. */
  readonly written?: () => Promise<void> | void;
  /** Its connection broke. */
  readonly lost?: () => Promise<void> | void;
}

export type Route = (context: RouteContext) => Promise<Outcome>;

export function json(body: unknown): Outcome {
  return { answer: { kind: 'json', body } };
}
