import type { EngineProbe } from '../models/index.ts';
import type { CommandIo } from './command.ts';
import { visible } from './visible.ts';

/** Says what a probe found that is not as it should be, or can't be known. */
export function tellFindings(probe: EngineProbe | undefined, io: CommandIo): void {
  for (const { probe: name, outcome, detail } of probe?.findings ?? []) {
    if (outcome !== 'yes') io.err(`engine: ${name}: ${outcome}: ${visible(detail)}\n`);
  }
}
