import type { Abuse } from '../support/abuse.ts';
import { commands } from './commands.ts';
import { files } from './files.ts';
import { network } from './network.ts';
import { privileges } from './privileges.ts';
import { processes } from './processes.ts';
import { resources } from './resources.ts';
import { secrets } from './secrets.ts';

export const cases: readonly Abuse[] = [
  ...secrets,
  ...files,
  ...network,
  ...processes,
  ...resources,
  ...privileges,
  ...commands,
];
