import { clipText, invalidInput } from '../../errors.ts';
import {
  ISOLATION_LEVELS,
  type IsolationLevel,
  isAtLeast,
  isIsolationLevel,
} from '../contract/isolation.ts';

export const DEFAULT_MINIMUM: IsolationLevel = 'namespace';

/** What a host says of isolation to the environments that it hosts. */
export interface IsolationRule {
  /** No environment may go below it; one that says nothing takes it. Default: `namespace` for those. */
  readonly minimum?: IsolationLevel | undefined;
  /** Nothing is refused. */
  readonly isOverridden?: boolean;
}

/**
 * How far an environment's commands must be kept from the host: the stronger of what either says. Throws an
 * invalid_input for a level that there is not: nobody knows what would be enough.
 */
export function minimumIsolation(
  own: IsolationLevel | undefined,
  { minimum, isOverridden = false }: IsolationRule = {},
): IsolationLevel {
  checkIsolation(own, 'sandbox.minimumIsolation');
  checkIsolation(minimum, 'isolation.minimum');
  if (isOverridden) return 'process';
  if (own === undefined || minimum === undefined) return own ?? minimum ?? DEFAULT_MINIMUM;
  return isAtLeast(own, minimum) ? own : minimum;
}

/** Refuses what is no level, as a slip in a definition is. */
export function checkIsolation(level: unknown, field: string): void {
  if (level === undefined || isIsolationLevel(level)) return;
  throw invalidInput(
    field,
    `is ${clipText(JSON.stringify(level) ?? String(level), 100)}; one of these is needed: ${ISOLATION_LEVELS.join(', ')}.`,
  );
}
