import { describe, expect, it } from 'vitest';
import { settingsOf } from './settings.ts';

describe('keystone.conf', () => {
  it('that sets nothing has Keystone’s own defaults', () => {
    expect(settingsOf([''])).toEqual({
      tokenExpirationSeconds: 3_600, allowExpiredWindowSeconds: 172_800, fernetMaxActiveKeys: 3,
      fernetRepository: '/etc/keystone/fernet-keys/', receiptRepository: '/etc/keystone/fernet-keys/', credentialRepository: '/etc/keystone/credential-keys/',
    });
  });

  it('counts as oslo.config reads it: by section, the later file over the earlier, comments aside', () => {
    const first = '[DEFAULT]\nexpiration = 1\n[token]\n# expiration = 2\nexpiration = 180\nallow_expired_window=60\n[fernet_tokens]\nkey_repository = "/srv/keys"\nmax_active_keys: 14\n';
    const second = '[token]\nexpiration = 240\n[security_compliance]\nlockout_failure_attempts = 5\n';
    expect(settingsOf([first, second])).toMatchObject({ tokenExpirationSeconds: 240, allowExpiredWindowSeconds: 60, fernetMaxActiveKeys: 14, fernetRepository: '/srv/keys', lockoutFailureAttempts: 5 });
  });
});
