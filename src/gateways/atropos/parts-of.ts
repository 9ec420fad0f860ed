import type { StoredGroup } from '../../broker/index.ts';

/** The bytes of a group's parts, wherever the broker has them: the one place here that asks for them. */
export async function partsOf(
  { parts }: StoredGroup,
  _options: { readonly signal: AbortSignal },
): Promise<readonly Uint8Array[]> {
  return parts;
}
