import type { LachesisError } from '../../../errors.ts';
import { storeBroken } from '../refusals.ts';

/**
 * The first failure after which nobody knows what is on the disk: a sync that failed is never tried
 * again, for the system may have dropped what it could not write and would then say yes.
 */
export class Breakage {
  #cause: LachesisError | undefined;

  break(cause: LachesisError): void {
    this.#cause ??= cause;
  }

  get isBroken(): boolean {
    return this.#cause !== undefined;
  }

  /** Throws failed_precondition STORE_BROKEN once it is broken. */
  assertWhole(): void {
    if (this.#cause !== undefined) throw storeBroken(this.#cause);
  }
}
