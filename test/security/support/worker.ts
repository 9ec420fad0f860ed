// Runs all cases, one half at a time, and prints a line of JSON for each. Started by namespace.ts only.
import { setTimeout as pause } from 'node:timers/promises';
import { cases } from '../cases/index.ts';
import { assertPrivate, type Namespaces } from './guard.ts';
import type { Profile } from './namespace.ts';
import { World } from './world.ts';

const HALF_MS = 20_000;

const [profile, host] = process.argv.slice(2);
const hostNamespaces: Namespaces | undefined = host === undefined ? undefined : JSON.parse(host);
assertPrivate(hostNamespaces);
const world = new World(profile as Profile, hostNamespaces);
for (const each of cases) {
  for (const half of ['box', 'control'] as const) {
    const began = performance.now();
    const error = await Promise.race([
      each[half](world).then(
        () => undefined,
        (reason: unknown) => (reason instanceof Error ? (reason.stack ?? reason.message) : reason),
      ),
      pause(HALF_MS, `it took longer than ${HALF_MS} ms`, { ref: false }),
    ]);
    await world.clean();
    const ms = Math.round(performance.now() - began);
    console.log(JSON.stringify({ numbers: each.numbers, half, ms, error }));
  }
}
await world.close();
