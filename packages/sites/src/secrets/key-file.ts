import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { GodwitError } from '../errors.ts';
import { decrypt, type Wrapper } from './envelope.ts';

/**
 * A master key a line, 32 bytes in base64; the first seals, all open. To rotate: put a new one above. Its id is the beginning of its hash, so
 * that lines may be moved but not mistaken.
 */
export async function keyFileWrappers(file: string): Promise<[Wrapper, ...Wrapper[]]> {
  const lines = (await readPrivate(file)).split('\n').map((l) => l.trim()).filter((l) => l !== '' && !l.startsWith('#'));
  const [first, ...others] = lines.map((line, i) => {
    const key = Buffer.from(line, 'base64');
    if (key.length !== 32 || !/^[A-Za-z0-9+/_-]{43}=?$/.test(line)) throw refused(file, `line ${i + 1} of the keys is not 32 bytes in base64`);
    return keyWrapper(key);
  });
  if (!first) throw refused(file, 'it holds no key');
  return [first, ...others];
}

function keyWrapper(master: Buffer): Wrapper {
  const id = createHash('sha256').update('godwit master key').update(master).digest('hex').slice(0, 12);
  const aad = Buffer.from(`wrap|${id}`);
  return {
    id,
    wrap(key) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', master, iv).setAAD(aad);
      return Promise.resolve(Buffer.concat([iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64url'));
    },
    unwrap(wrapped) {
      const data = Buffer.from(wrapped, 'base64url');
      return Promise.resolve(decrypt(master, data.subarray(0, 12), data.subarray(12), aad, `master key ${id}`));
    },
  };
}

/** Read through one descriptor, so that what was checked is what was read. */
async function readPrivate(file: string): Promise<string> {
  let handle;
  try {
    handle = await open(file, 'r');
    const { mode, uid } = await handle.stat();
    if ((mode & 0o077) !== 0) throw refused(file, `others may read it (mode ${(mode & 0o777).toString(8)})`);
    if (uid !== process.getuid?.() && uid !== 0) throw refused(file, 'it belongs to another user');
    return await handle.readFile('utf8');
  } catch (cause) {
    throw cause instanceof GodwitError ? cause : refused(file, (cause as Error).message, cause);
  } finally {
    await handle?.close();
  }
}

const refused = (file: string, why: string, cause?: unknown): GodwitError =>
  new GodwitError('GW_CONFIG_INVALID', 'terminal', `secrets.masterKeyFile: ${file}: ${why}`, {
    resource: file,
    action: 'A file of mode 0600 with one line of 32 random bytes in base64: (umask 077; openssl rand -base64 32 > FILE).',
    cause,
  });
