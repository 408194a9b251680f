import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { GodwitError } from '../errors.ts';

/** Wraps the key of one sealed value under a master key: one of a file, or one that never leaves a KMS. */
export interface Wrapper {
  /** Names the master key; kept with what it wrapped. */
  readonly id: string;
  wrap(key: Buffer): Promise<string>;
  unwrap(wrapped: string): Promise<Buffer>;
}

/** Seals secrets for the database. A sealed text is printable, and worthless without the master key. */
export interface Envelope {
  /**
   * @param context says what the secret is and whose (`agent-ca`, `key-set/fernet/7`): it is authenticated, so that a sealed text that was
   * moved to another row does not open there.
   */
  seal(plain: Uint8Array, context: string): Promise<string>;
  /** Throws GW_SECRETS_DAMAGED, GW_SECRETS_KEY_UNKNOWN, GW_SECRETS_KMS. */
  open(sealed: string, context: string): Promise<Buffer>;
  /** It was sealed under a master key that is no longer the first: open it, seal it, store it. */
  needsReseal(sealed: string): boolean;
}

const magic = 'gws1';

/** AES-256-GCM with a fresh key for each value, that key wrapped by the first of the wrappers; the others open what is older. */
export function createEnvelope(wrappers: readonly [Wrapper, ...Wrapper[]]): Envelope {
  const [current] = wrappers;
  return {
    async seal(plain, context) {
      const [key, iv] = [randomBytes(32), randomBytes(12)];
      const head = [magic, current.id, encode(await current.wrap(key)), iv.toString('base64url')].join('.');
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(bound(head, context));
      return `${head}.${Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url')}`;
    },
    async open(sealed, context) {
      const parts = sealed.split('.');
      const [mark, id, wrapped, iv, data] = parts;
      if (parts.length !== 5 || mark !== magic || !id || !wrapped || !iv || !data) throw damaged(context);
      const wrapper = wrappers.find((w) => w.id === id);
      if (!wrapper) {
        throw new GodwitError('GW_SECRETS_KEY_UNKNOWN', 'terminal', `a secret was sealed under the master key ${id}, which is not configured`, {
          resource: context,
          action: 'Put that key back into secrets.masterKeyFile, below the present one.',
        });
      }
      const key = await wrapper.unwrap(Buffer.from(wrapped, 'base64url').toString());
      return decrypt(key, Buffer.from(iv, 'base64url'), Buffer.from(data, 'base64url'), bound(parts.slice(0, 4).join('.'), context), context);
    },
    needsReseal: (sealed) => sealed.split('.')[1] !== current.id,
  };
}

export function decrypt(key: Buffer, iv: Buffer, data: Buffer, aad: Buffer, context: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(aad).setAuthTag(data.subarray(-16));
    return Buffer.concat([decipher.update(data.subarray(0, -16)), decipher.final()]);
  } catch {
    throw damaged(context);
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');
const bound = (head: string, context: string): Buffer => Buffer.from(`${head}|${context}`);

const damaged = (context: string): GodwitError =>
  new GodwitError('GW_SECRETS_DAMAGED', 'terminal', 'a sealed secret does not open: it was changed, moved or cut', {
    resource: context,
    action: 'Restore the row from a backup of the database.',
  });
