import { type FoundTokenFile, findTokenFiles, type TokenFile } from './token-file.ts';

/** How old what was read may be: a server that was started anew has new tokens. */
const MAX_AGE_MS = 500;

/** The token of the server at an address, as its file has it now. A token is given only to that address. */
export function freshToken(options: {
  readonly address: string;
  readonly scope: keyof TokenFile['tokens'];
  readonly found: FoundTokenFile | undefined;
  readonly directory: string | undefined;
}): () => Promise<string | undefined> {
  const { address, scope, directory } = options;
  let token = options.found?.tokens[scope];
  let readMs = performance.now();
  return async () => {
    const nowMs = performance.now();
    if (nowMs - readMs > MAX_AGE_MS) {
      readMs = nowMs;
      const files = await findTokenFiles(directory);
      const file = fileOf(files, address);
      // While there is none the server is away, and the one that was may come back.
      token = file?.tokens[scope] ?? token;
    }
    return token;
  };
}

export function fileOf(
  files: readonly FoundTokenFile[],
  address: string,
): FoundTokenFile | undefined {
  const wanted = originOf(address);
  return files.find((file) => originOf(file.address) === wanted);
}

function originOf(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1';
  return url.origin;
}
