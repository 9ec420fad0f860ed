// advantages.ts
import { groupAdvantages } from 'lachesis';

export const some = groupAdvantages([1, 0, undefined, 0]); // the third was not scored
export const equal = groupAdvantages([0.1, 0.1, 0.1]);
export const centred = groupAdvantages([1, 0, 0, 1], { divideByDeviation: false });
