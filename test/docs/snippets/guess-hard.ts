// guess-hard.ts
import { defineEnvironment } from 'lachesis';
import { z } from 'zod';
import guess from './guess.ts';

export default defineEnvironment({
  ...guess,
  name: 'guess-hard',
  settings: z.object({ highest: z.number().int().min(2).default(10_000) }),
});
