import { LachesisError } from '../errors.ts';
import type { RolloutSandbox } from '../sandbox/index.ts';

/** For a rollout whose environment asks for no sandbox: whatever is asked of it, who asks is told so. */
export const noSandbox: RolloutSandbox = new Proxy({} as RolloutSandbox, {
  get(_target, property) {
    // What looks at a value in passing, such as `await` or a printer, is no one who asks for a sandbox.
    if (typeof property === 'symbol' || property === 'then' || property === 'toJSON') return;
    throw new LachesisError('environment_error', 'There is no sandbox here.', {
      reason: 'NO_SANDBOX',
      remedy: 'Give the environment `sandbox: {}`, so that each rollout is given one.',
    });
  },
});
