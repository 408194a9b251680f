import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { controllerName } from '@godwit/agent';
import { type Envelope, GodwitError } from '@godwit/sites';
import * as x509 from '@peculiar/x509';

type CryptoKey = webcrypto.CryptoKey;
x509.cryptoProvider.set(webcrypto as never);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
/** Clocks of nodes may be behind: a certificate is good from before it was made. */
const earlierMs = dayMs / 24;
const context = 'agent-ca';

export interface Issued {
  readonly pem: string;
  readonly sha256: string;
  readonly expiresAt: Date;
}

export interface StoredAuthority {
  readonly certificate: string;
  /** PKCS #8, sealed. */
  readonly sealedKey: string;
}

/** The CA of agents and of the controllers they call. Its key is open in memory only. */
export class Authority {
  readonly pem: string;
  readonly der: Buffer;
  readonly #certificate: x509.X509Certificate;
  readonly #key: CryptoKey;

  private constructor(certificate: x509.X509Certificate, key: CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
    this.pem = `${certificate.toString('pem')}\n`;
    this.der = Buffer.from(certificate.rawData);
  }

  static async create(envelope: Envelope, now: Date): Promise<StoredAuthority> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: 'CN=Godwit agents',
      notBefore: new Date(now.getTime() - dayMs),
      notAfter: new Date(now.getTime() + 20 * 365 * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return { certificate: certificate.toString('pem'), sealedKey: await envelope.seal(pkcs8, context) };
  }

  /** Throws GW_SECRETS_…, if the key cannot be opened. */
  static async open(stored: StoredAuthority, envelope: Envelope): Promise<Authority> {
    const key = await webcrypto.subtle.importKey('pkcs8', await envelope.open(stored.sealedKey, context), algorithm, false, ['sign']);
    return new Authority(new x509.X509Certificate(stored.certificate), key);
  }

  /** The same, sealed under the present master key. */
  static async reseal(stored: StoredAuthority, envelope: Envelope): Promise<StoredAuthority> {
    return { ...stored, sealedKey: await envelope.seal(await envelope.open(stored.sealedKey, context), context) };
  }

  /** For the key of a request, whose own words on anything else do not count. Throws GW_AGENT_REQUEST_INVALID. */
  async issueAgent(csr: x509.Pkcs10CertificateRequest, id: string, name: string, now: Date, lifeMs: number): Promise<Issued> {
    return this.#issue(await csr.publicKey.export(), `CN=${name}`, [`urn:godwit:agent:${id}`, 'url'], x509.ExtendedKeyUsage.clientAuth, now, lifeMs);
  }

  /** A certificate of a controller, with its key: neither is stored. */
  async issueController(now: Date, lifeMs: number): Promise<{ readonly certificate: string; readonly key: string }> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const { pem } = await this.#issue(keys.publicKey, `CN=${controllerName}`, [controllerName, 'dns'], x509.ExtendedKeyUsage.serverAuth, now, lifeMs);
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    // The CA goes along: an agent that enrols knows it by its hash only.
    return { certificate: `${pem}\n${this.pem}`, key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
  }

  async #issue(publicKey: CryptoKey, subject: string, [name, type]: [string, 'url' | 'dns'], usage: x509.ExtendedKeyUsage, now: Date, lifeMs: number): Promise<Issued> {
    const expiresAt = new Date(now.getTime() + lifeMs);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject,
      issuer: this.#certificate.subject,
      notBefore: new Date(now.getTime() - earlierMs),
      notAfter: expiresAt,
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        new x509.SubjectAlternativeNameExtension([{ type, value: name }]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
    return { pem: certificate.toString('pem'), sha256: createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex'), expiresAt };
  }
}

/** A request whose signature shows that its sender has the key. Only P-256 keys. */
export async function readRequest(pem: string): Promise<{ readonly csr: x509.Pkcs10CertificateRequest; readonly keySha256: string }> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(pem);
    const { namedCurve } = csr.publicKey.algorithm as { namedCurve?: string };
    if (namedCurve !== 'P-256' || !(await csr.verify())) throw new Error('not signed by its own P-256 key');
    return { csr, keySha256: createHash('sha256').update(Buffer.from(csr.publicKey.rawData)).digest('hex') };
  } catch (cause) {
    throw new GodwitError('GW_AGENT_REQUEST_INVALID', 'terminal', 'the certificate request is not valid', { action: 'Bring the agent to the controller’s version.', cause });
  }
}

/** Positive, and 16 random bytes. */
const serial = (): string => `4${randomBytes(16).toString('hex').slice(1)}`;
