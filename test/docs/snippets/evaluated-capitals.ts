// evaluated-capitals.ts
import { defineEnvironment } from 'lachesis';
import capitals from './capitals.ts';

export default defineEnvironment({
  ...capitals,
  name: 'evaluated-capitals',
  evaluation: { split: 'test', attempts: 8, sampling: { temperature: 0.7 }, solvedAt: 0.5 },
});
