import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEnvelope } from './open.ts';

let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'godwit-secrets-'))));
afterAll(() => rmSync(dir, { recursive: true }));

const masterKey = (): string => randomBytes(32).toString('base64');
function file(name: string, ...lines: string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}
const secret = Buffer.from('the private key of a CA');

describe('secrets at rest', () => {
  it('open under their own context only, and show nothing of themselves', async () => {
    const envelope = await openEnvelope({ masterKeyFile: file('one', masterKey()) });
    const sealed = await envelope.seal(secret, 'agent-ca');
    expect(await envelope.open(sealed, 'agent-ca')).toEqual(secret);
    expect(sealed).not.toContain(secret.toString('base64url').slice(0, 12));
    expect(await envelope.seal(secret, 'agent-ca')).not.toBe(sealed);
    await expect(envelope.open(sealed, 'key-set/fernet/7')).rejects.toMatchObject({ code: 'GW_SECRETS_DAMAGED', kind: 'terminal' });
  });

  it('any changed part is noticed', async () => {
    const envelope = await openEnvelope({ masterKeyFile: file('two', masterKey()) });
    const parts = (await envelope.seal(secret, 'x')).split('.');
    for (const i of [2, 3, 4]) {
      const changed = parts.map((p, k) => (k === i ? `${p.startsWith('A') ? 'B' : 'A'}${p.slice(1)}` : p)).join('.');
      await expect(envelope.open(changed, 'x')).rejects.toMatchObject({ code: 'GW_SECRETS_DAMAGED' });
    }
    for (const text of ['', 'gws1', parts.slice(0, 4).join('.'), `${parts.join('.')}.x`]) await expect(envelope.open(text, 'x')).rejects.toMatchObject({ code: 'GW_SECRETS_DAMAGED' });
  });

  it('a new master key above the old one seals; the old one opens until it is taken out', async () => {
    const [old, fresh] = [masterKey(), masterKey()];
    const before = await openEnvelope({ masterKeyFile: file('old', old) });
    const sealed = await before.seal(secret, 'x');
    const both = await openEnvelope({ masterKeyFile: file('both', '# rotated', fresh, old) });
    expect([before.needsReseal(sealed), both.needsReseal(sealed)]).toEqual([false, true]);
    const again = await both.seal(await both.open(sealed, 'x'), 'x');
    const after = await openEnvelope({ masterKeyFile: file('fresh', fresh) });
    expect(await after.open(again, 'x')).toEqual(secret);
    await expect(after.open(sealed, 'x')).rejects.toMatchObject({ code: 'GW_SECRETS_KEY_UNKNOWN' });
  });

  it('a key file that others may read, or that holds no key, is refused by name', async () => {
    const open = file('open', masterKey());
    chmodSync(open, 0o640);
    await expect(openEnvelope({ masterKeyFile: open })).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID', message: expect.stringContaining('mode 640') as string });
    const short = 'c2hvcnQ=';
    const error = await openEnvelope({ masterKeyFile: file('short', masterKey(), short) }).catch((e: unknown) => e as Error);
    expect(error).toMatchObject({ code: 'GW_CONFIG_INVALID', message: expect.stringContaining('line 2') as string });
    expect(String(error)).not.toContain(short);
    await expect(openEnvelope({ masterKeyFile: file('none', '# nothing') })).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID' });
    await expect(openEnvelope({ masterKeyFile: join(dir, 'gone') })).rejects.toMatchObject({ code: 'GW_CONFIG_INVALID' });
  });
});

describe('a KMS command', () => {
  function kms(name: string, script: string): string[] {
    const path = join(dir, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    return [path];
  }

  it('wraps the keys; what a key file sealed before still opens', async () => {
    const masterKeyFile = file('before', masterKey());
    const old = await (await openEnvelope({ masterKeyFile })).seal(secret, 'x');
    // A toy: it turns the line around.
    const envelope = await openEnvelope({ masterKeyFile, kmsCommand: kms('rev', 'rev') });
    const sealed = await envelope.seal(secret, 'x');
    expect(await envelope.open(sealed, 'x')).toEqual(secret);
    expect(await envelope.open(old, 'x')).toEqual(secret);
    expect([envelope.needsReseal(sealed), envelope.needsReseal(old)]).toEqual([false, true]);
  });

  it.each([
    ['fails', 'cat >&2; exit 3', /exit status 3/],
    ['says nothing', 'cat > /dev/null', /one line/],
    ['answers without an end', 'yes | head -c 100000', /SIGKILL|exit status|one line/],
  ])('that %s is an error that may pass', async (name, script, why) => {
    const envelope = await openEnvelope({ kmsCommand: kms(name.replaceAll(' ', '-'), script) });
    await expect(envelope.seal(secret, 'x')).rejects.toMatchObject({ code: 'GW_SECRETS_KMS', kind: 'retryable', message: expect.stringMatching(why) as string });
  });

  it('that is not there, likewise', async () => {
    const envelope = await openEnvelope({ kmsCommand: [join(dir, 'nowhere')] });
    await expect(envelope.seal(secret, 'x')).rejects.toMatchObject({ code: 'GW_SECRETS_KMS' });
  });
});
