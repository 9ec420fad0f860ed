import type { CommandIo, OptionValues } from '../command.ts';

/** What a subcommand works with. */
export interface RunRequest {
  readonly runId: string | undefined;
  /** Of `drop-consumer`. */
  readonly consumerId: string | undefined;
  readonly values: OptionValues;
  readonly json: boolean;
  readonly intervalMs: number;
}

export type RunTask = (request: RunRequest, io: CommandIo) => Promise<void>;
