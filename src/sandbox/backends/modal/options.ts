import { type Clock, systemClock } from '../../../async/index.ts';
import { invalidInput } from '../../../errors.ts';

/**
 * What {@link createModalBackend} takes. The server's address comes from Modal's own variable or file only
 * (`MODAL_SERVER_URL`), since its client takes it from nowhere else.
 */
export interface ModalBackendOptions {
  /** Default: as Modal's client finds it, in `MODAL_TOKEN_ID` or the active profile of `~/.modal.toml`. */
  readonly tokenId?: string;
  /** Default: `MODAL_TOKEN_SECRET`, or the file. */
  readonly tokenSecret?: string;
  /** Modal's environment. Default: `MODAL_ENVIRONMENT`, or the file. */
  readonly environment?: string;
  /** The app under which sandboxes are made; made itself when there is none. Default: `lachesis`. */
  readonly appName?: string;
  /** Of a spec that names none: a registry's tag, or an `im-` id. Default: `python:3.13-bookworm`. */
  readonly image?: string;
  /** When Modal ends a sandbox by itself, at the latest. Default: 1 hour; Modal allows 24. */
  readonly lifetimeMs?: number;
  /** When Modal ends a sandbox in which nothing runs. Default: 10 minutes. */
  readonly idleTimeoutMs?: number;
  /** How long a throttled call is tried again, in all. Default: 30 s. */
  readonly maxThrottleWaitMs?: number;
  /** How long a snapshot is kept. Default: 24 hours. */
  readonly snapshotTtlMs?: number;
  /** How often Modal is asked whether a sandbox still lives while commands run in it. Default: 10 s. */
  readonly watchMs?: number;
  /** Told of what Modal's client warns of. Default: nobody. */
  readonly onWarning?: (text: string) => void;
  readonly clock?: Clock;
}

export interface ModalSettings
  extends Required<
    Omit<ModalBackendOptions, 'tokenId' | 'tokenSecret' | 'environment' | 'onWarning'>
  > {
  readonly tokenId: string | undefined;
  readonly tokenSecret: string | undefined;
  readonly environment: string | undefined;
  readonly onWarning: (text: string) => void;
}

export const MAX_LIFETIME_MS = 86_400_000;

/** Fills in the defaults; throws `invalid_input` that names the option. */
export function resolveModalOptions(options: ModalBackendOptions): ModalSettings {
  const { tokenId, tokenSecret } = options;
  if ((tokenId === undefined) !== (tokenSecret === undefined)) {
    const missing = tokenId === undefined ? 'tokenId' : 'tokenSecret';
    throw invalidInput(`modal.${missing}`, 'is missing, while the other half of it is given.');
  }
  const settings: ModalSettings = {
    tokenId,
    tokenSecret,
    environment: options.environment,
    appName: options.appName ?? 'lachesis',
    image: options.image ?? 'python:3.13-bookworm',
    lifetimeMs: options.lifetimeMs ?? 3_600_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 600_000,
    maxThrottleWaitMs: options.maxThrottleWaitMs ?? 30_000,
    snapshotTtlMs: options.snapshotTtlMs ?? MAX_LIFETIME_MS,
    watchMs: options.watchMs ?? 10_000,
    onWarning: options.onWarning ?? (() => {}),
    clock: options.clock ?? systemClock,
  };
  for (const name of [
    'lifetimeMs',
    'idleTimeoutMs',
    'maxThrottleWaitMs',
    'snapshotTtlMs',
    'watchMs',
  ] as const) {
    const value = settings[name];
    if (!(value > 0 && value < Infinity)) {
      throw invalidInput(`modal.${name}`, `is ${value}; a number above 0 is needed.`);
    }
  }
  if (settings.lifetimeMs > MAX_LIFETIME_MS) {
    throw invalidInput(
      'modal.lifetimeMs',
      `is ${settings.lifetimeMs}; Modal allows ${MAX_LIFETIME_MS} (24 hours).`,
    );
  }
  return Object.freeze(settings);
}

/** Modal takes whole seconds only. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1_000) * 1_000;
}
