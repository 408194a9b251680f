import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, readPassword } from './config.ts';

let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'godwit-agent-'))));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (text: string): string => {
  const path = join(dir, 'agent.yaml');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

describe('agent.yaml', () => {
  it('is YAML or JSON, and has defaults', async () => {
    const yaml = await loadConfig(file('keystone:\n  fernet: { repository: /etc/keystone/fernet-keys }\n  database: {}\n'));
    expect(yaml).toMatchObject({ stateDir: '/var/lib/godwit-agent', controllers: [], keystone: { mode: '0600', settleSeconds: 1, handOver: false, database: { socket: '/run/mysqld/mysqld.sock', database: 'keystone' } } });
    expect(await loadConfig(file('{"keystone": {"fernet": {"repository": "/etc/keystone/fernet-keys"}, "database": {}}}'))).toEqual(yaml);
    expect(await loadConfig(file(''))).toMatchObject({ logLevel: 'info' });
  });

  it.each([
    ['keystone: { fernt: {} }', /keystone: there is no fernt/],
    ['keystone: { database: { sockt: /x } }', /keystone\.database: there is no sockt/],
    ['stateDir: 7', /stateDir: not of the type string/],
    ['logLevel: loud', /logLevel: not one of debug, info/],
    ['stateDir: relative', /stateDir: an absolute path/],
    ['keystone: { owner: keystone }', /keystone\.owner: UID:GID/],
    ['a: [unclosed', /line 1/],
  ])('%s is refused by its path', async (text, why) => {
    await expect(loadConfig(file(text))).rejects.toMatchObject({ code: 'GW_AGENT_CONFIG', message: expect.stringMatching(why) as string });
  });

  it('a password that everybody may read is refused, and not shown', async () => {
    const secret = file('hunter2');
    expect(await readPassword(secret)).toBe('hunter2');
    chmodSync(secret, 0o644);
    const error = await readPassword(secret).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'GW_AGENT_CONFIG', message: expect.stringContaining('mode 644') as string });
    expect(String(error)).not.toContain('hunter2');
  });
});
