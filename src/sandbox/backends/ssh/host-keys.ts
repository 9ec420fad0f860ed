import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LachesisError } from '../../../errors.ts';
import { type HostName, hostText } from './faults.ts';

/** What the client offers, best first: no SHA-1. */
const ALGORITHMS = [
  ...['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ...['rsa-sha2-512', 'rsa-sha2-256'],
] as const;

export type HostKeyAlgorithm = (typeof ALGORITHMS)[number];

/** What is known of the keys of one host. */
export interface HostKeyRule {
  /** In the order in which the host is asked for them: those first of which a key is known. */
  readonly algorithms: readonly HostKeyAlgorithm[];
  /** Undefined when it is the host's; else why it is refused. */
  refuse(key: Uint8Array): LachesisError | undefined;
}

/** One key that has this fingerprint. */
export function pinnedKey(name: HostName, fingerprint: string): HostKeyRule {
  return {
    algorithms: ALGORITHMS,
    refuse: (key) => {
      const found = fingerprintOf(key);
      if (found === fingerprint) return undefined;
      return changed(name, key, `it should be ${fingerprint}`);
    },
  };
}

/** The keys that files of known hosts have for it. A file that is not there knows none. */
export async function knownKeys(name: HostName, files: readonly string[]): Promise<HostKeyRule> {
  const entries: KnownKey[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    entries.push(...entriesFor(lookupName(name), text));
  }
  const good = entries.filter(({ isRevoked }) => !isRevoked);
  const types = new Set(good.map(({ type }) => type));
  const isKnown = (algorithm: HostKeyAlgorithm): boolean =>
    types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return {
    algorithms: [...ALGORITHMS].sort((a, b) => Number(isKnown(b)) - Number(isKnown(a))),
    refuse: (key) => {
      const has = (among: readonly KnownKey[]) => among.some((entry) => sameKey(entry.key, key));
      if (has(entries.filter(({ isRevoked }) => isRevoked))) {
        return changed(name, key, 'it is marked as revoked');
      }
      if (has(good)) return undefined;
      return good.length > 0
        ? changed(name, key, `another one is known (${files.join(', ')})`)
        : unknown(name, key);
    },
  };
}

interface KnownKey {
  readonly type: string;
  readonly key: Uint8Array;
  readonly isRevoked: boolean;
}

/** As files of known hosts name it. */
function lookupName({ host, port }: HostName): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

function entriesFor(name: string, text: string): readonly KnownKey[] {
  return text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0]?.startsWith('#') === true) return [];
    const marker = words[0]?.startsWith('@') === true ? words.shift() : undefined;
    const [names = '', type = '', key = ''] = words;
    // Keys of authorities sign certificates, which the client does not ask for.
    if (key === '' || (marker !== undefined && marker !== '@revoked')) return [];
    if (!isNamed(name, names)) return [];
    return [{ type, key: Buffer.from(key, 'base64'), isRevoked: marker === '@revoked' }];
  });
}

function isNamed(name: string, names: string): boolean {
  if (names.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = names.split('|');
    const made = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
    return sameKey(made, Buffer.from(hash, 'base64'));
  }
  let isHit = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const isNot = pattern.startsWith('!');
    if (!matches(name, isNot ? pattern.slice(1) : pattern)) continue;
    if (isNot) return false;
    isHit = true;
  }
  return isHit;
}

/** `*` is any text, `?` any character. */
function matches(name: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

function sameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** As `ssh-keygen -l` tells it. */
export function fingerprintOf(key: Uint8Array): string {
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return `SHA256:${digest}`;
}

function typeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  return bytes.length < 4 ? '?' : bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1');
}

function unknown(name: HostName, key: Uint8Array): LachesisError {
  const print = fingerprintOf(key);
  return new LachesisError(
    'failed_precondition',
    `The key of ${hostText(name)} is not known: ${typeOf(key)} ${print}.`,
    {
      reason: 'SSH_HOST_KEY_UNKNOWN',
      remedy: `If that is its key, run \`ssh-keyscan -p ${name.port} ${name.host} >> ~/.ssh/known_hosts\`, or give --ssh-fingerprint ${print}.`,
    },
  );
}

function changed(name: HostName, key: Uint8Array, why: string): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The key of ${hostText(name)} is not the host's: ${typeOf(key)} ${fingerprintOf(key)}; ${why}.`,
    {
      reason: 'SSH_HOST_KEY_CHANGED',
      remedy: `Find out whether somebody stands between; if the host itself was changed, run \`ssh-keygen -R '${lookupName(name)}'\` and add its new key.`,
    },
  );
}
