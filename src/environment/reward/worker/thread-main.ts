// What runs in a reward thread: the module is loaded once, then scores one input after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { packError, type ThreadCall, type ThreadData, type ThreadMessage } from './protocol.ts';

const { href } = workerData as ThreadData;

function say(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

async function answer(
  reward: (input: unknown) => unknown,
  { call, input }: ThreadCall,
): Promise<void> {
  let value: unknown;
  try {
    value = await reward(input);
  } catch (error) {
    say({ kind: 'threw', call, error: packError(error) });
    return;
  }
  try {
    say({ kind: 'value', call, value });
  } catch (error) {
    say({ kind: 'unsendable', call, error: packError(error) });
  }
}

try {
  const { default: reward } = (await import(href)) as { readonly default?: unknown };
  if (typeof reward === 'function') {
    const score = reward as (input: unknown) => unknown;
    parentPort?.on('message', (call: ThreadCall) => void answer(score, call));
    say({ kind: 'ready' });
  } else {
    say({ kind: 'no_function' });
  }
} catch (error) {
  say({ kind: 'load_failed', error: packError(error) });
}
