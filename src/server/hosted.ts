import type { BatchSize } from '../broker/index.ts';
import { defaultIsolation, type HostedEnvironment } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { Engine, EngineDescription, ModelServer } from '../models/index.ts';

/** Lets a caller's own engine play an environment; see PlayRollout with answers in tokens. */
export interface CallerTokens {
  /** What the caller's model is taken to be: the one that the server renders for. */
  readonly describe: (options: { readonly signal: AbortSignal }) => Promise<EngineDescription>;
  /** A managed model server over the caller's engine; closed after the rollout. */
  readonly modelServer: (engine: Engine) => ModelServer;
}

/** An environment of a server, and what plays it there. */
export interface ServedEnvironment {
  readonly environment: HostedEnvironment;
  readonly modelServer: ModelServer;
  /** Default: the model server's own rendering, when it is a managed one. */
  readonly callerTokens?: CallerTokens;
  /** Where its tools run. Default: its sandboxes' level, else `in_process`, or `none` without tools. */
  readonly isolation?: string;
}

/** The environments of a server, by name. */
export class HostedEnvironments {
  readonly #byName: ReadonlyMap<string, ServedEnvironment>;

  constructor(environments: readonly ServedEnvironment[]) {
    const byName = new Map<string, ServedEnvironment>();
    for (const served of environments) {
      const { name } = served.environment;
      if (byName.has(name)) {
        throw new LachesisError('already_exists', `two environments are named "${name}".`, {
          reason: 'ENVIRONMENT_NAME_TAKEN',
          remedy: 'Host one of them under another name.',
        });
      }
      byName.set(name, served);
    }
    this.#byName = byName;
  }

  /** In name order. */
  get all(): readonly ServedEnvironment[] {
    return [...this.#byName.values()].sort((a, b) =>
      a.environment.name < b.environment.name ? -1 : 1,
    );
  }

  get names(): readonly string[] {
    return this.all.map(({ environment }) => environment.name);
  }

  /** Throws `not_found`, naming `field` and what there is. */
  get(name: string, field = 'environment'): ServedEnvironment {
    const served = this.#byName.get(name);
    if (served !== undefined) return served;
    const known = this.names.length === 0 ? 'none' : this.names.join(', ');
    throw new LachesisError('not_found', `${field}: no environment "${name}" here.`, {
      reason: 'ENVIRONMENT_UNKNOWN',
      remedy: `Hosted are: ${known}.`,
      field,
    });
  }

  toMap(): ReadonlyMap<string, HostedEnvironment> {
    return new Map([...this.#byName].map(([name, { environment }]) => [name, environment]));
  }
}

/** What renders for a caller that answers in tokens; undefined with a direct model server. */
export function callerTokensOf(served: ServedEnvironment): CallerTokens | undefined {
  const { managed } = served.modelServer;
  return (
    served.callerTokens ?? (managed && { describe: managed.describe, modelServer: managed.over })
  );
}

/** Where an environment's tools run, for whoever wants to know what they could reach. */
export function isolationOf(served: ServedEnvironment): string {
  return served.isolation ?? defaultIsolation(served.environment);
}

/**
 * Throws `failed_precondition` when batches of this size would never fill: a direct model gives no
 * tokens, so its groups have no rows, and would be played and dropped without end.
 */
export function assertFillsBatches(served: ServedEnvironment, size: BatchSize): void {
  if (served.modelServer.kind !== 'direct' || size.kind === 'groups') return;
  const { name } = served.environment;
  throw new LachesisError(
    'failed_precondition',
    `environment "${name}" is played by a direct model, which gives no ${size.kind}.`,
    {
      reason: 'NO_TRAINABLE_TOKENS',
      remedy: 'Count batches in groups (of transcripts), or serve it with a managed model.',
      field: 'settings.batch_size',
    },
  );
}
