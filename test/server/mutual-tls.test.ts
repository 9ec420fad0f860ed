import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import { afterAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { startServer } from '../../src/server/index.ts';
import { makeCertificates } from '../transport/support/certificates.ts';

const certificates = makeCertificates();
const folder = mkdtempSync(join(tmpdir(), 'lachesis-mtls-'));
afterAll(() => {
  certificates?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A certificate that signs itself, with the scope as its unit. */
function ownCertificate(unit: string): { readonly cert: string; readonly key: string } {
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-days', '2', '-subj', `/OU=${unit}/CN=someone`];
  execFileSync('openssl', ['req', '-x509', ...kind, ...files, ...subject], { stdio: 'ignore' });
  return {
    cert: readFileSync(join(folder, 'cert.pem'), 'utf8'),
    key: readFileSync(join(folder, 'key.pem'), 'utf8'),
  };
}

describe.skipIf(certificates === undefined)('client certificates', () => {
  test('carry their scope, and stand in for tokens on any address', async () => {
    const { ca, server, client: scopeless } = certificates!;
    const trainer = ownCertificate('lachesis:trainer');
    const operator = ownCertificate('lachesis:operator');
    await using served = await startServer({
      environments: [],
      host: '0.0.0.0',
      tls: { ...server, clientCa: `${ca}\n${trainer.cert}\n${operator.cert}` },
    });
    expect(served.tokens).toBeUndefined();
    const address = `https://localhost:${served.port}`;
    const as = (own: { readonly cert: string; readonly key: string }) =>
      connect({ address, tls: { ca, ...own }, tokenDirectory: folder });
    await using asOperator = await as(operator);
    expect(await Array.fromAsync(asOperator.runs.list())).toEqual([]);
    await using asTrainer = await as(trainer);
    expect(await asTrainer.environments.list()).toEqual([]);
    await expect(asTrainer.runs.get('x')).rejects.toMatchObject({ code: Code.PermissionDenied });
    await using asNobody = await as(scopeless);
    await expect(asNobody.server.info()).rejects.toMatchObject({ code: Code.Unauthenticated });
  });
});
