import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackError } from '../errors.ts';
import { makeCertificates, type Certificates } from '../testing/certificates.ts';
import { useStub } from '../testing/use-stub.ts';

const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
let certs: Certificates;
beforeAll(() => void (certs = makeCertificates()));
afterAll(() => rmSync(certs.directory, { recursive: true, force: true }));

const tls = (): { cert: string; key: string } => ({ cert: certs.serverCert, key: certs.serverKey });

describe('TLS', () => {
  it('trusts a CA of one\'s own', async () => {
    const stub = await useStub({ tls: tls() });
    expect((await stub.cloud({}, { tls: { verify: true, caFile: certs.caFile } }).session.token()).id).toBe('token-1');
  });
  it('does not trust an unknown CA, and does not try again', async () => {
    const stub = await useStub({ tls: tls() });
    const waits: number[] = [];
    const error = await failure(stub.cloud({ sleep: async (ms) => void waits.push(ms) }).session.token());
    expect(error).toMatchObject({ code: 'OS_TLS', kind: 'terminal', service: 'identity' });
    expect(error.message).toContain('cacert');
    expect(waits).toEqual([]);
  });
  it('trusts anybody only when told to', async () => {
    const stub = await useStub({ tls: tls() });
    expect((await stub.cloud({}, { tls: { verify: false } }).session.token()).id).toBe('token-1');
  });
  it('does not take a certificate of another name', async () => {
    const stub = await useStub({ tls: tls() });
    const config = stub.config();
    const auth = { ...config.auth, authUrl: config.auth.authUrl.replace('127.0.0.1', 'localhost') };
    expect(await failure(stub.cloud({}, { auth, tls: { verify: true, caFile: certs.caFile } }).session.token())).toMatchObject({ code: 'OS_TLS' });
  });
  it('shows a certificate of its own', async () => {
    const ca = readFileSync(certs.caFile, 'utf8');
    // TLS 1.3 would refuse only after the handshake, by closing the connection.
    const stub = await useStub({ tls: { ...tls(), ca, requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' } });
    const client = { verify: true, caFile: certs.caFile, certFile: certs.clientCertFile, keyFile: certs.clientKeyFile };
    expect((await stub.cloud({}, { tls: client }).session.token()).id).toBe('token-1');
    const error = await failure(stub.cloud({}, { tls: { verify: true, caFile: certs.caFile } }).session.token());
    expect(error).toMatchObject({ code: 'OS_TLS', kind: 'terminal' });
    expect(error.message).toMatch(/\(ssl.*alert handshake failure\)/);
  });
  it('names a certificate that cannot be read', async () => {
    const stub = await useStub({ tls: tls() });
    const error = await failure(stub.cloud({}, { tls: { verify: true, caFile: '/nowhere/ca.pem' } }).session.token());
    expect(error).toMatchObject({ code: 'OS_CONFIG_FILE', kind: 'terminal', message: 'cloud stub: cacert names /nowhere/ca.pem, which cannot be read (ENOENT)' });
  });
  it('spoken to a server that does not is OS_TLS', async () => {
    const stub = await useStub();
    const auth = { ...stub.config().auth, authUrl: stub.config().auth.authUrl.replace('http:', 'https:') };
    expect(await failure(stub.cloud({}, { auth }).session.token())).toMatchObject({ code: 'OS_TLS', kind: 'terminal' });
  });
});
