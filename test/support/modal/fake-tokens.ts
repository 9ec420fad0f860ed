/** A token in three parts, of which Modal's client reads `exp` and checks no signature. */
export function fakeToken(claims: Readonly<Record<string, string | number>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.${part('unsigned')}`;
}

/** Undefined for anything else than such a token. */
export function claimsOf(token: string | null): Readonly<Record<string, unknown>> | undefined {
  const [, claims, signature] = (token ?? '').replace(/^Bearer /, '').split('.');
  if (claims === undefined || signature === undefined) return undefined;
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}
