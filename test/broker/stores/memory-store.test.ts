import { expect, test } from 'vitest';
import { createMemoryStore } from '../../../src/broker/stores/index.ts';
import { storeConformance } from './conformance.ts';

const { signal } = new AbortController();

storeConformance('the memory driver', async () => ({
  open: async () => createMemoryStore({ maxPayloadBytes: 10_000 }),
  [Symbol.asyncDispose]: async () => {},
}));

test('a full one refuses until something is released', async () => {
  const store = createMemoryStore({ maxBytes: 100 });
  const payloads = [{ label: 'a', chunks: [new Uint8Array(60)] }];
  const [ref] = await store.append(payloads, { signal });
  await expect(store.append(payloads, { signal })).rejects.toMatchObject({
    kind: 'resource_exhausted',
    reason: 'STORE_FULL',
  });
  store.commit({ releases: [ref!] });
  await store.append(payloads, { signal });
  await expect(store.read(ref!, { signal })).rejects.toMatchObject({ reason: 'PAYLOAD_GONE' });
});
