import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates extends Disposable {
  readonly ca: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
  /** Signed by an authority that nobody trusts. */
  readonly stranger: KeyPair;
}

/** A fresh authority and what it signed, made by openssl; undefined where there is none. */
export function makeCertificates(): Certificates | undefined {
  if (!hasOpenssl()) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'lachesis-certs-'));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string): void => {
    const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    openssl('req', '-x509', ...newKey, ...out, '-days', '2', '-subj', `/CN=test ${name}`);
  };
  const signed = (name: string, by: string): KeyPair => {
    const subject = ['-subj', `/CN=${name}`];
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...subject);
    writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const signer = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial'];
    const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'ext'];
    openssl('x509', '-req', ...files, ...signer, '-days', '2');
    return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
  };
  authority('ca');
  authority('other');
  return {
    ca: read('ca.crt'),
    server: signed('server', 'ca'),
    client: signed('trainer-7', 'ca'),
    stranger: signed('stranger', 'other'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
