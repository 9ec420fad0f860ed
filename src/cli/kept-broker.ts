import { mkdirSync } from 'node:fs';
import path from 'node:path';
import {
  type Broker,
  createMemoryBroker,
  openDurableBroker,
  openFilesStore,
} from '../broker/index.ts';
import { LachesisError } from '../errors.ts';
import type { MetricsRegistry } from '../telemetry/index.ts';
import type { CommandOption, OptionValues } from './command.ts';
import { textOption } from './read-options.ts';
import { bytesText } from './store/task.ts';
import { count } from './words.ts';

/** Of every command whose broker outlives it. */
export const STORE_OPTION: CommandOption = {
  type: 'string',
  value: 'FOLDER',
  help: 'Keep runs, groups and batches in this folder, across restarts; `none` keeps them in memory. Default: .lachesis/store.',
};

/** A command's broker, closed with it. */
export interface KeptBroker extends AsyncDisposable {
  readonly broker: Broker;
  /** Where it lies; undefined in memory. */
  readonly folder: string | undefined;
  /** What it holds from before, a line each. */
  readonly lines: readonly string[];
  /** Fires when its store fails; only a fresh start helps then, and loses nothing. */
  readonly failed: AbortSignal;
}

/** The broker that `--store` asks for. */
export async function openKeptBroker(
  values: OptionValues,
  options: { readonly metrics: MetricsRegistry; readonly defaultFolder?: string },
): Promise<KeptBroker> {
  const { metrics, defaultFolder = '.lachesis/store' } = options;
  const given = textOption(values, 'store');
  const folder = given ?? defaultFolder;
  const failure = new AbortController();
  const { signal: failed } = failure;
  if (folder === 'none') {
    const broker = createMemoryBroker({ metrics });
    return {
      broker,
      folder: undefined,
      lines: [],
      failed,
      [Symbol.asyncDispose]: () => broker.close(),
    };
  }
  // Of a folder that was given, the parent must exist: it may be misspelt.
  if (given === undefined) mkdirSync(path.dirname(folder), { recursive: true });
  const store = await openFilesStore(folder).catch((error: unknown) => {
    throw named(error, folder);
  });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => store.close());
  const onFailure = (error: Error): void => failure.abort(error);
  const broker = openDurableBroker({ store, metrics, onFailure });
  const runs = await broker.listRuns();
  const statuses = await Promise.all(runs.map(({ id }) => broker.status(id)));
  const waiting = statuses.reduce((sum, { waitingGroups }) => sum + waitingGroups, 0);
  const { uncommittedBytes, tornBytes } = store.recovery;
  const lost = uncommittedBytes + tornBytes;
  opened.move();
  return {
    broker,
    folder,
    lines: [
      `store ${folder}: ${runs.length === 0 ? 'new' : `${count(runs.length)} runs, ${count(waiting)} groups waiting`}`,
      ...(lost > 0
        ? [`cut off ${bytesText(lost)} that were being written, and accepted by nobody`]
        : []),
    ],
    failed,
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

/** The option, before what the store itself says. */
function named(error: unknown, folder: string): unknown {
  if (!(error instanceof LachesisError)) return error;
  return new LachesisError(error.kind, `--store ${folder}: ${error.message}`, {
    reason: error.reason,
    field: '--store',
    cause: error,
  });
}
