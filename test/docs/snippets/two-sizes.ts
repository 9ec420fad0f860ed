// two-sizes.ts
import { hostEnvironment } from 'lachesis';
import guess from './guess.ts';

export const easy = await hostEnvironment(guess, { highest: 10 }, { name: 'guess-10' });
export const hard = await hostEnvironment(guess, { highest: 9_999 }, { name: 'guess-9999' });
