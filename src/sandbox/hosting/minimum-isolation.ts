import { type IsolationLevel, isAtLeast } from '../contract/isolation.ts';

export const DEFAULT_MINIMUM: IsolationLevel = 'namespace';

/** What a host says of isolation to the environments that it hosts. */
export interface IsolationRule {
  /** No environment may go below it; one that says nothing takes it. Default: `namespace` for those. */
  readonly minimum?: IsolationLevel | undefined;
  /** Nothing is refused. */
  readonly isOverridden?: boolean;
}

/** How far an environment's commands must be kept from the host: the stronger of what either says. */
export function minimumIsolation(
  own: IsolationLevel | undefined,
  { minimum, isOverridden = false }: IsolationRule = {},
): IsolationLevel {
  if (isOverridden) return 'process';
  if (own === undefined || minimum === undefined) return own ?? minimum ?? DEFAULT_MINIMUM;
  return isAtLeast(own, minimum) ? own : minimum;
}
