import { invalidInput } from '../../errors.ts';
import { connectTo } from '../client-options.ts';
import type { CommandIo } from '../command.ts';
import { visibleJson } from '../visible.ts';
import { count } from '../words.ts';
import { shown } from './status-lines.ts';
import type { RunRequest } from './task.ts';

/** Takes a consumer out of a run: one that is gone for good, and that the others would wait for. */
export async function dropConsumer(request: RunRequest, io: CommandIo): Promise<void> {
  const { runId, consumerId, values, json } = request;
  if (runId === undefined || consumerId === undefined) {
    const missing = runId === undefined ? 'RUN' : 'CONSUMER';
    throw invalidInput(missing, 'is missing; give a run and one of its consumers.', {
      remedy: '`lachesis run status RUN` lists them.',
    });
  }
  await using client = await connectTo(values, io);
  const dropped = await client.batches.unregister(runId, consumerId, { signal: io.signal });
  if (json) io.out(`${visibleJson({ runId, consumerId, ...dropped })}\n`);
  else io.out(`${words(request, dropped)}\n`);
}

function words(
  { runId = '', consumerId = '' }: RunRequest,
  dropped: { readonly existed: boolean; readonly releasedBatches: number },
): string {
  const { existed, releasedBatches } = dropped;
  if (!existed) return `${shown(consumerId)} was taken out of ${shown(runId)} before.`;
  const batches = `${count(releasedBatches)} open ${releasedBatches === 1 ? 'batch' : 'batches'}`;
  return `${shown(consumerId)} is out of ${shown(runId)}; ${batches} let go.`;
}
