import type { EnvironmentDefinition } from './environment.ts';
import { callOwnHook, type OwnHookOptions } from './own-hook.ts';

/** Calls `close` at the first call; every call settles as that one does. */
export function closer(
  definition: EnvironmentDefinition,
  settings: unknown,
  options?: OwnHookOptions,
): () => Promise<void> {
  const { name } = definition;
  let closing: Promise<void> | undefined;
  return async () => {
    if (definition.close === undefined) return;
    closing ??= callOwnHook(
      {
        environment: name,
        name: 'close',
        reason: 'CLOSE',
        run: () => definition.close?.({ settings }),
      },
      options,
    );
    await closing;
  };
}
