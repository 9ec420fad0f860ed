import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OrderedQueue, type QueueSeat } from '../../src/broker/ordered-queue.ts';

type Step =
  | { readonly kind: 'push' | 'unshift'; readonly key: number }
  | { readonly kind: 'remove'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('push', 'unshift'), key: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ kind: fc.constant('remove'), which: fc.nat() }),
);

test('an ordered queue behaves as a sorted array does, whatever is put in or taken out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new OrderedQueue<number>();
      const seats = new Map<number, QueueSeat<number>>();
      let model: { key: number; value: number }[] = [];
      steps.forEach((taken, value) => {
        if (taken.kind === 'remove') {
          const held = [...seats];
          const [gone, seat] = held[taken.which % Math.max(held.length, 1)] ?? [];
          if (seat === undefined) return;
          const present = model.some((entry) => entry.value === gone);
          expect(queue.remove(seat)).toBe(present);
          model = model.filter((entry) => entry.value !== gone);
          return;
        }
        const { key } = taken;
        seats.set(value, queue[taken.kind](key, value));
        const at = model.findIndex((entry) =>
          taken.kind === 'push' ? entry.key > key : entry.key >= key,
        );
        model.splice(at < 0 ? model.length : at, 0, { key, value });
      });
      expect([...queue]).toEqual(model.map(({ value }) => value));
      expect(queue.size).toBe(model.length);
      expect(queue.first).toBe(model[0]?.value);
    }),
  );
});
