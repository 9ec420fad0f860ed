import { constants } from 'node:os';

/** The signal's number on Linux, for an exit code; 0 for one that is not known. */
export function signalNumber(name: string): number {
  return (constants.signals as Readonly<Record<string, number>>)[name] ?? 0;
}

/** The name of a signal's number, such as `SIGKILL` for 9. */
export function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `SIG${number}`;
}
