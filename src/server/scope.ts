/** What a credential is for; see architecture.md, section 5. */
export type Scope = 'operator' | 'trainer' | 'worker' | 'agent';

export const SCOPES: readonly Scope[] = ['operator', 'trainer', 'worker', 'agent'];

const EVERYONE: readonly Scope[] = SCOPES;

/**
 * Which scopes may call a service. A service is a plane, so its name decides and no body is read
 * before. `public` needs no credential.
 */
const SERVICE_SCOPES: Readonly<Record<string, readonly Scope[] | 'public'>> = {
  'grpc.health.v1.Health': 'public',
  'grpc.reflection.v1.ServerReflection': EVERYONE,
  'grpc.reflection.v1alpha.ServerReflection': EVERYONE,
  'lachesis.v1.ServerService': EVERYONE,
  'lachesis.v1.EnvironmentService': ['operator', 'trainer', 'worker'],
  'lachesis.v1.RunService': ['operator'],
  'lachesis.v1.WorkService': ['operator', 'worker'],
  'lachesis.v1.BatchService': ['operator', 'trainer'],
  'lachesis.v1.PolicyService': ['operator', 'trainer', 'worker'],
  'lachesis.v1.SandboxService': ['agent'],
};

/** A worker stamps the policy version that its run's trainer announced: it may hear of it, and no more. */
const METHOD_SCOPES: Readonly<Record<string, readonly Scope[]>> = {
  '/lachesis.v1.BatchService/WatchPolicyVersion': ['operator', 'trainer', 'worker'],
};

/** The scopes that may call what is served at a path; undefined for a path that names no known service. */
export function scopesOf(path: string): readonly Scope[] | 'public' | undefined {
  if (Object.hasOwn(METHOD_SCOPES, path)) return METHOD_SCOPES[path];
  const service = path.slice(1, path.indexOf('/', 1));
  return Object.hasOwn(SERVICE_SCOPES, service) ? SERVICE_SCOPES[service] : undefined;
}

/** Whether a credential of `scope` (undefined: none at all) may call the RPC at `path`. */
export function allows(scope: Scope | undefined, path: string): boolean {
  const scopes = scopesOf(path);
  if (scopes === 'public') return true;
  return scope !== undefined && (scopes?.includes(scope) ?? false);
}
