/**
 * How far a tool's commands are kept from the host, weakest first. `process` is a plain child of ours;
 * `simulated` an interpreter that has no host to reach; `os_policy` a process under the system's own policy;
 * `namespace` a box of Linux namespaces; `strong` another kernel or another machine.
 */
export const ISOLATION_LEVELS = Object.freeze([
  'process',
  'simulated',
  'os_policy',
  'namespace',
  'strong',
] as const);

export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

export function isIsolationLevel(value: unknown): value is IsolationLevel {
  return (ISOLATION_LEVELS as readonly unknown[]).includes(value);
}

/** Whether `level` keeps commands at least as far from the host as `minimum` does; of an unknown one, nothing does. */
export function isAtLeast(level: IsolationLevel, minimum: IsolationLevel): boolean {
  return (
    isIsolationLevel(minimum) &&
    ISOLATION_LEVELS.indexOf(level) >= ISOLATION_LEVELS.indexOf(minimum)
  );
}
