import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeystoneSettings } from '../protocol/keystone.ts';

/** Reads keystone.conf, and after it the `*.conf` files of directories (keystone.conf.d), in order; what comes later counts. Undefined when none can be read. */
export async function readSettings(paths: readonly string[]): Promise<KeystoneSettings | undefined> {
  const texts: string[] = [];
  for (const path of paths) {
    const inside = await readdir(path).then((names) => names.filter((n) => n.endsWith('.conf')).sort().map((n) => join(path, n)), () => [path]);
    for (const file of inside) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text !== undefined) texts.push(text);
    }
  }
  return texts.length === 0 ? undefined : settingsOf(texts);
}

/** What is not set is as Keystone 27 has it. */
export function settingsOf(texts: readonly string[]): KeystoneSettings {
  const values = new Map(texts.flatMap((t) => [...parseIni(t)]));
  const number = (name: string, fallback: number): number => {
    const text = values.get(name);
    const value = Number(text);
    return text === undefined || text === '' || !Number.isFinite(value) ? fallback : value;
  };
  const lockout = number('security_compliance.lockout_failure_attempts', 0);
  return {
    tokenExpirationSeconds: number('token.expiration', 3_600),
    allowExpiredWindowSeconds: number('token.allow_expired_window', 172_800),
    fernetMaxActiveKeys: number('fernet_tokens.max_active_keys', 3),
    fernetRepository: values.get('fernet_tokens.key_repository') || '/etc/keystone/fernet-keys/',
    receiptRepository: values.get('fernet_receipts.key_repository') || '/etc/keystone/fernet-keys/',
    credentialRepository: values.get('credential.key_repository') || '/etc/keystone/credential-keys/',
    ...(lockout > 0 && { lockoutFailureAttempts: lockout }),
  };
}

/** `section.option`, as oslo.config reads it: options before any section are DEFAULT's, an indented line goes on with the one before. */
function parseIni(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let [section, last] = ['DEFAULT', ''];
  for (const line of text.split('\n')) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const head = /^\[([^\]]+)\]/.exec(line);
    const option = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (head?.[1] !== undefined) section = head[1].trim();
    else if (/^\s/.test(line) && last !== '') values.set(last, `${values.get(last) ?? ''} ${line.trim()}`.trim());
    else if (option?.[1] !== undefined) values.set((last = `${section}.${option[1]}`), (option[2] ?? '').replace(/^(["'])(.*)\1$/, '$2'));
  }
  return values;
}
