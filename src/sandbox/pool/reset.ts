import type { Sandbox } from '../contract/sandbox.ts';

export function takeBaseline(_sandbox: Sandbox, _signal: AbortSignal): Promise<string> {
  throw new Error('todo');
}

export function resetSandbox(
  _sandbox: Sandbox,
  _baseline: string,
  _signal: AbortSignal,
): Promise<void> {
  throw new Error('todo');
}
