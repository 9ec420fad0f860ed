import type { HostedEnvironment } from '../environment/index.ts';
import type { JsonObject } from '../messages.ts';
import { closeEnvironments, loadEnvironments } from './load-environment.ts';
import { StateFolder } from './state-folder.ts';

export interface HostingOptions {
  readonly files: readonly string[];
  readonly settings: JsonObject;
  /** Where their state is kept. Default: nowhere. */
  readonly state?: string | undefined;
  /** Told of what fails on the way and at the end. */
  readonly warn: (message: string) => void;
  /** Ends the hosting early; what is hosted by then is closed. */
  readonly signal: AbortSignal;
}

/** The environments that a command plays, from their files and their saved state to their close. */
export class Hosting implements AsyncDisposable {
  readonly environments: readonly HostedEnvironment[];
  readonly #state: StateFolder | undefined;
  readonly #warn: (message: string) => void;
  #ending: Promise<boolean> | undefined;

  private constructor(
    environments: readonly HostedEnvironment[],
    state: StateFolder | undefined,
    warn: (message: string) => void,
  ) {
    this.environments = environments;
    this.#state = state;
    this.#warn = warn;
  }

  static async open(options: HostingOptions): Promise<Hosting> {
    const { state: folder, warn } = options;
    await using opened = new AsyncDisposableStack();
    const state =
      folder === undefined ? undefined : opened.use(await StateFolder.open(folder, warn));
    const environments = await loadEnvironments({ ...options, state });
    opened.move();
    return new Hosting(environments, state, warn);
  }

  /** From now on they are played, and what they learn is saved. */
  begin(): void {
    this.#state?.follow(this.environments);
  }

  /**
   * When nothing plays any more: saves their state once more and closes them. False when either failed,
   * which was told: the command has then failed too.
   */
  end(): Promise<boolean> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #end(): Promise<boolean> {
    const isSaved = (await this.#state?.end()) ?? true;
    return (await closeEnvironments(this.environments, this.#warn)) && isSaved;
  }
}
