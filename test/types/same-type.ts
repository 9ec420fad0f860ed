/** True only for the very same type: `any`, `unknown` and optional members are told apart. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when the two types are the same; it is never run. */
export declare function sameType<A, B>(
  ...proof: Equal<A, B> extends true ? [] : [theTypesDiffer: A, from: B]
): void;
