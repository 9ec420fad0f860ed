import type { EnvironmentShare } from './broker.ts';

/** No part of the whole is less: below this, a difference is rounding noise. */
export const NOISE = 1e-9;

/**
 * Parts of the whole by weight, none below its minimum share: what that takes is off the others' parts.
 * Those that are not `in` have 0.
 */
export function ratesOf(
  weights: ArrayLike<number>,
  minimums: ArrayLike<number>,
  isIn: ArrayLike<number>,
): Float64Array<ArrayBuffer> {
  const rates = new Float64Array(weights.length);
  const goByWeight = Uint8Array.from(isIn);
  for (let minimum = 0; ; ) {
    let weight = 0;
    for (let place = 0; place < rates.length; place += 1) {
      if (goByWeight[place] === 1) weight += weights[place]!;
    }
    const left = 1 - minimum;
    const short: number[] = [];
    for (let place = 0; place < rates.length; place += 1) {
      if (goByWeight[place] === 0) continue;
      const part = Math.max(NOISE, (left * weights[place]!) / weight);
      if (part < minimums[place]!) short.push(place);
      rates[place] = part;
    }
    if (short.length === 0) return rates;
    for (const place of short) {
      goByWeight[place] = 0;
      rates[place] = minimums[place]!;
      minimum += minimums[place]!;
    }
  }
}

/** The weight and the minimum share of an environment, named or not. */
export function termsOf(
  name: string,
  shares: ReadonlyMap<string, EnvironmentShare>,
): { readonly weight: number; readonly minShare: number } {
  return shares.get(name) ?? { weight: 1, minShare: 0 };
}
