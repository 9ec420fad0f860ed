import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { checkIsolation, checkSpec } from '../sandbox/index.ts';
import type { SandboxRequirement } from './environment.ts';

/** Refuses what a definition says of its sandbox where no host could do it; a function's word is asked for later. */
export function checkSandbox(sandbox: unknown, field: string): void {
  if (sandbox === undefined || typeof sandbox === 'function') return;
  try {
    checkRequirement(sandbox);
  } catch (error) {
    const inner = error instanceof LachesisError ? (error.field ?? '') : '';
    throw invalidInput(
      inner.replace(/^sandbox/, field),
      errorMessage(error).replace(`${inner}: `, ''),
      { cause: error },
    );
  }
}

/** The same for what one rollout is to be given; its fields begin with `sandbox`. */
export function checkRequirement(requirement: unknown): asserts requirement is SandboxRequirement {
  if (typeof requirement !== 'object' || requirement === null || Array.isArray(requirement)) {
    throw invalidInput('sandbox', 'is no object; `{}` takes whatever its host has.');
  }
  const { minimumIsolation, ...spec } = requirement as SandboxRequirement;
  checkIsolation(minimumIsolation, 'sandbox.minimumIsolation');
  checkSpec(spec);
}
