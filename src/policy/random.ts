/** A source of uniform numbers in [0, 1). */
export interface Random {
  next(): number;
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna), seeded through splitmix32. The same seed gives the same
 * numbers on every machine. `seed` is any safe integer; all of its bits count.
 */
export function createRandom(seed: number): Random {
  let mix = (seed ^ Math.floor(seed / 0x1_0000_0000)) | 0;
  const state = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    state[i] = z ^ (z >>> 15);
  }
  const nextWord = (): number => {
    const scaled = Math.imul(state[1]!, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = state[1]! << 9;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = (state[3]! << 11) | (state[3]! >>> 21);
    return result;
  };
  // 53 bits, so that a cumulative distribution has no dead zone a coarse draw would never reach.
  return { next: () => ((nextWord() >>> 5) * 67108864 + (nextWord() >>> 6)) / 9007199254740992 };
}

/** A whole number in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** A standard normal draw (Box and Muller). */
export function randomNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
