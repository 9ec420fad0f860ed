// What runs in a reward thread: the module is loaded once, then scores one input after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { packError, type ThreadData, type ThreadMessage } from './protocol.ts';

const { href } = workerData as ThreadData;

function say(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

async function load(): Promise<(input: unknown) => unknown> {
  const { default: reward } = (await import(href)) as { readonly default?: unknown };
  if (typeof reward === 'function') return reward as (input: unknown) => unknown;
  throw new TypeError(
    'it has no function as its default export; write `export default ({ task, finalText }) => ...`.',
  );
}

async function answer(reward: (input: unknown) => unknown, input: unknown): Promise<void> {
  try {
    say({ kind: 'value', value: await reward(input) });
  } catch (error) {
    // Also where the answer itself can't be sent.
    say({ kind: 'threw', error: packError(error) });
  }
}

try {
  const reward = await load();
  parentPort?.on('message', (input: unknown) => void answer(reward, input));
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'load_failed', error: packError(error) });
}
