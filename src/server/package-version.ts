import { createRequire } from 'node:module';

/** The version of this package, from its own package.json, as it runs or as it was built. */
export function packageVersion(): string {
  const manifest: { readonly version?: string } = createRequire(import.meta.url)(
    'lachesis/package.json',
  );
  return manifest.version ?? '';
}
