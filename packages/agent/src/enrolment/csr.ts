import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

/** PEM of a new P-256 key. It never leaves this machine. */
export function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/**
 * A certificate signing request (PKCS #10, PEM) for a P-256 key. Written by hand: the libraries for it take more memory than the whole agent
 * has left, and it is needed again at each renewal.
 */
export function makeCsr(keyPem: string, commonName: string): string {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const name = der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))));
  const info = der(0x30, der(0x02, Buffer.from([0])), name, publicKey, der(0xa0));
  const ecdsaWithSha256 = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const signature = der(0x03, Buffer.from([0]), sign('sha256', info, key));
  const request = der(0x30, info, ecdsaWithSha256, signature);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${request.toString('base64').replace(/(.{64})/g, '$1\n').trim()}\n-----END CERTIFICATE REQUEST-----\n`;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const oid = (...bytes: readonly number[]): Buffer => der(0x06, Buffer.from(bytes));
