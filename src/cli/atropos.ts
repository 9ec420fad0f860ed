import path from 'node:path';
import type { Broker } from '../broker/index.ts';
import { invalidInput } from '../errors.ts';
import { type AtroposGateway, startAtroposGateway } from '../gateways/index.ts';
import type { Logger, MetricsRegistry } from '../telemetry/index.ts';
import type { CommandOption, OptionValues } from './command.ts';
import { integerOption, textOption } from './read-options.ts';

/** Options of a command that serves Atropos' HTTP API beside its own. */
export const ATROPOS_OPTIONS: Readonly<Record<string, CommandOption>> = {
  atropos: {
    type: 'string',
    value: 'PORT',
    help: 'Serve Atropos environments and trainers too, over HTTP on this port of 127.0.0.1; 0 takes a free one.',
  },
  'atropos-run': {
    type: 'string',
    value: 'ID',
    help: 'The run that they push to and pull from. Default: atropos.',
  },
};

/** Beside the store's files, or in the state folder; no file of either is called so. */
const SESSION_FILE = 'atropos.session';

/** Undefined when none is asked for. */
export async function atroposGateway(
  values: OptionValues,
  parts: {
    readonly broker: Broker;
    /** Where what trainers and environments say of themselves is kept; undefined for nowhere. */
    readonly folder: string | undefined;
    readonly onChange: (runId: string) => void;
    readonly logger: Logger;
    readonly metrics: MetricsRegistry;
  },
): Promise<AtroposGateway | undefined> {
  const port = integerOption(values, 'atropos', 0, 65_535);
  const runId = textOption(values, 'atropos-run');
  if (port === undefined) {
    if (runId === undefined) return undefined;
    throw invalidInput('--atropos', 'is missing; --atropos-run needs it.');
  }
  const { folder, ...rest } = parts;
  try {
    return await startAtroposGateway({
      ...rest,
      port,
      ...(runId === undefined ? {} : { runId }),
      ...(folder === undefined ? {} : { sessionFile: path.join(folder, SESSION_FILE) }),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const why = code === 'EACCES' ? 'needs rights that this user does not have' : 'is in use';
    throw invalidInput('--atropos', `${port} of 127.0.0.1 ${why}.`, {
      remedy: 'Give another port; 0 takes a free one.',
      cause: error,
    });
  }
}
