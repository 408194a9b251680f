import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Passwords and keys of one lab: made when first asked for, kept in one file that only root may read. */
export interface Secrets {
  /** A random word of 24 hexadecimal digits, always the same for a name such as `site1/db/nova`. */
  get(name: string): string;
  /** A UUID that is always the same for a name; not secret, but as random as the passwords. */
  uuid(name: string): string;
}

export function openSecrets(file: string): Secrets {
  const values: Record<string, string> = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
  const get = (name: string): string => {
    const known = values[name];
    if (known !== undefined) return known;
    const made = randomBytes(12).toString('hex');
    values[name] = made;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(values, null, 1), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return made;
  };
  return {
    get,
    uuid(name) {
      const h = createHash('sha256').update(get(`uuid/${name}`)).digest('hex');
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
    },
  };
}
