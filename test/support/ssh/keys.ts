import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

const { utils } = ssh2;

/** A key pair of this run's own. */
export interface TestKey {
  readonly private: string;
  /** A line of authorized or known keys: type and key. */
  readonly public: string;
  readonly fingerprint: string;
}

export function newKey(type: 'ed25519' | 'ecdsa' = 'ed25519'): TestKey {
  const pair =
    type === 'ed25519'
      ? utils.generateKeyPairSync('ed25519')
      : utils.generateKeyPairSync('ecdsa', { bits: 256 });
  // One of some hundreds that `ssh2` makes of this kind can be read by nobody, `ssh2` included.
  const isOdd = [pair.private, pair.public].some((text) => utils.parseKey(text) instanceof Error);
  if (isOdd) return newKey(type);
  const [kind = '', key = ''] = pair.public.split(' ');
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return {
    private: pair.private,
    public: `${kind} ${key}`,
    fingerprint: `SHA256:${digest.replace(/=+$/, '')}`,
  };
}
