import type { HostedEnvironment } from '../environment/index.ts';
import type { JsonObject } from '../messages.ts';
import type { OpenSandboxes } from '../sandbox/index.ts';
import type { Logger, MetricsRegistry } from '../telemetry/index.ts';
import type { CommandIo, OptionValues } from './command.ts';
import { closeEnvironments, loadEnvironments } from './load-environment.ts';
import { sandboxesFor } from './sandbox-options.ts';
import { StateFolder } from './state-folder.ts';

/** Nothing plays any more when an environment is closed; what is leased then is a tool's that hangs. */
const DRAIN_MS = 2_000;

export interface HostingOptions {
  readonly files: readonly string[];
  readonly settings: JsonObject;
  /** Where their state is kept. Default: nowhere. */
  readonly state?: string | undefined;
  /** Of the command line, for the sandboxes. */
  readonly values: OptionValues;
  /** Its `err` is told of what fails on the way and at the end; its signal ends the hosting early. */
  readonly io: CommandIo;
  /** Where the sandboxes are counted. Default: nowhere. */
  readonly metrics?: MetricsRegistry;
  /** What their pool does is written there. Default: its trouble is told to `io.err`. */
  readonly logger?: Logger | undefined;
}

/** The environments that a command plays, from their files and their saved state to their close. */
export class Hosting implements AsyncDisposable {
  readonly environments: readonly HostedEnvironment[];
  /** Undefined when none of them asks for any. */
  readonly sandboxes: OpenSandboxes | undefined;
  readonly #state: StateFolder | undefined;
  readonly #warn: (message: string) => void;
  #ending: Promise<boolean> | undefined;

  private constructor(
    environments: readonly HostedEnvironment[],
    sandboxes: OpenSandboxes | undefined,
    state: StateFolder | undefined,
    warn: (message: string) => void,
  ) {
    this.environments = environments;
    this.sandboxes = sandboxes;
    this.#state = state;
    this.#warn = warn;
  }

  static async open(options: HostingOptions): Promise<Hosting> {
    const { state: folder, io } = options;
    const { err: warn, signal } = io;
    await using opened = new AsyncDisposableStack();
    const state =
      folder === undefined ? undefined : opened.use(await StateFolder.open(folder, warn));
    let sandboxes: OpenSandboxes | undefined;
    const environments = await loadEnvironments({
      ...options,
      ...{ state, warn, signal },
      openSandboxes: async (definitions) => {
        sandboxes = await sandboxesFor(definitions, options);
        if (sandboxes !== undefined) opened.use(sandboxes);
        return sandboxes;
      },
    });
    opened.move();
    return new Hosting(environments, sandboxes, state, warn);
  }

  /** From now on they are played, and what they learn is saved. */
  begin(): void {
    this.#state?.follow(this.environments);
  }

  /**
   * When nothing plays any more: saves their state once more, closes them and ends their sandboxes. False when
   * one of these failed, which was told: the command has then failed too.
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
    const isClosed = await closeEnvironments(this.environments, this.#warn);
    // After them: what they still hold in a sandbox they give back first.
    const { survivors = [] } = (await this.sandboxes?.drain(DRAIN_MS)) ?? {};
    return isClosed && isSaved && survivors.length === 0;
  }
}
