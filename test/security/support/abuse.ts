import { assertPrivate } from './guard.ts';
import type { World } from './world.ts';

/** One abuse: what the box makes of it, and the proof that it would do harm without a box. */
export interface Abuse {
  /** As reference/sandboxes.md 6 counts them. */
  readonly numbers: string;
  readonly name: string;
  /** Rejects when the box did not contain it. */
  box(world: World): Promise<void>;
  /** Rejects when it did no harm where nothing contains it: then the case would prove nothing. */
  control(world: World): Promise<void>;
}

/** Both halves look first where they are. */
export function abuse(
  numbers: string,
  name: string,
  halves: {
    readonly box: (world: World) => Promise<void>;
    readonly control: (world: World) => Promise<void>;
  },
): Abuse {
  const guarded = (half: (world: World) => Promise<void>) => async (world: World) => {
    assertPrivate(world.hostNamespaces);
    await half(world);
  };
  return { numbers, name, box: guarded(halves.box), control: guarded(halves.control) };
}
