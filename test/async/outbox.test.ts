import { expect, it } from 'vitest';
import { Outbox } from '../../src/async/index.ts';

it('sends what was put in, before and while it is read, and ends after it', async () => {
  const outbox = new Outbox<string>();
  outbox.push('before');
  const read = Array.fromAsync(outbox.drain());
  setImmediate(() => {
    outbox.push('while');
    outbox.end();
    outbox.push('too late');
  });
  expect(await read).toEqual(['before', 'while']);
});

it('fails after what is in it, with the first ending that it was given', async () => {
  const outbox = new Outbox<string>();
  outbox.push('a');
  outbox.fail(new Error('broken'));
  outbox.end();
  const values = outbox.drain();
  expect(await values.next()).toEqual({ value: 'a', done: false });
  await expect(values.next()).rejects.toThrow('broken');
});

it("breaks the silence, and ends with its signal's reason", async () => {
  const outbox = new Outbox<string>();
  const controller = new AbortController();
  const idle = { everyMs: 1, value: () => 'still here' };
  const values = outbox.drain({ idle, signal: controller.signal });
  expect(await values.next()).toEqual({ value: 'still here', done: false });
  controller.abort('left');
  await expect(values.next()).rejects.toBe('left');
});
