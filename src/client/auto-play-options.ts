import type { AutoPlay, AutoPlayEnvironment } from '../broker/index.ts';
import { invalidInput } from '../errors.ts';
import { known, shown, whole } from './checked-options.ts';

/** Makes the server itself order groups. */
export interface AutoPlayOptions {
  /** Left out: any split, weight 1. A weight is a share of the groups, beside the others' weights. */
  readonly environments: readonly (Pick<AutoPlayEnvironment, 'environment' | 'groupSize'> &
    Partial<AutoPlayEnvironment>)[];
  /** Most groups assigned or waiting at a time. */
  readonly maxAhead: number;
  /** Hold new groups while the waiting ones fill this many batches. Default: 0, no hold. */
  readonly maxBatchesAhead?: number;
}

type Kind = 'text' | 'whole' | 'weight';

const ENVIRONMENT: Readonly<Record<keyof AutoPlayEnvironment, Kind>> = Object.freeze({
  environment: 'text',
  split: 'text',
  groupSize: 'whole',
  weight: 'weight',
});

/** Fills in the defaults; throws the invalid_input of what the contract can't say, by the caller's names. */
export function autoPlayOf(options: AutoPlayOptions): AutoPlay {
  known('autoPlay', options, ['environments', 'maxAhead', 'maxBatchesAhead']);
  const { environments, maxAhead, maxBatchesAhead = 0 } = options;
  whole('autoPlay.maxAhead', maxAhead);
  whole('autoPlay.maxBatchesAhead', maxBatchesAhead);
  if (!Array.isArray(environments)) throw invalidInput('autoPlay.environments', 'must be a list.');
  return {
    environments: environments.map((part: AutoPlayOptions['environments'][number], index) => {
      const field = `autoPlay.environments[${index}]`;
      known(field, part, Object.keys(ENVIRONMENT));
      const { split = '', weight = 1 } = part;
      const environment = { ...part, split, weight };
      for (const [name, kind] of Object.entries(ENVIRONMENT)) {
        checked(kind, `${field}.${name}`, environment[name as keyof AutoPlayEnvironment]);
      }
      return environment;
    }),
    maxAhead,
    maxBatchesAhead,
  };
}

function checked(kind: Kind, field: string, value: unknown): void {
  if (kind === 'whole') whole(field, value);
  else if (kind === 'text' && typeof value !== 'string') {
    throw invalidInput(field, `is ${shown(value)}; a text is needed.`);
  } else if (kind === 'weight' && typeof value !== 'number') {
    throw invalidInput(field, `is ${shown(value)}; a number is needed.`);
  }
}
