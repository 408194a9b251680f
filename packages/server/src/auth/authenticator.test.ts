import { describe, expect, it } from 'vitest';
import { FakeSites } from '../../test/fake-sites.ts';
import { fakeToken } from '../../test/world.ts';
import { authenticator } from './authenticator.ts';

const good = fakeToken('mark', ['member'], 'vnf');

function make(options: { cacheMs?: number } = {}) {
  const sites = new FakeSites(['site1', 'site2', 'site3']);
  sites.keystone('site2').tokens.set('t', good);
  let now = new Date('2026-01-01T00:00:00Z').getTime();
  const authenticate = authenticator({ sites, clock: () => new Date(now), timeoutMs: 200, downTimeoutMs: 20, ...options });
  return { sites, authenticate, pass: (ms: number) => (now += ms), asked: () => Object.values(sites.keystones).map((k) => k.asked) };
}

describe('authenticator', () => {
  it('takes the first Keystone that knows the token, without a hint', async () => {
    const { authenticate } = make();
    expect(await authenticate({ token: 't', authUrl: undefined })).toEqual({
      userId: 'id-mark',
      userName: 'mark',
      project: { name: 'vnf', domain: 'Default' },
      system: false,
      roles: ['member'],
      site: 'site2',
      expiresAt: new Date('2099-01-01T00:00:00Z'),
    });
  });

  it.each(['http://site2.example:5000/v3', 'http://site2.example:5000', 'http://SITE2.example:5000/v3/'])('asks only the hinted Keystone: %s', async (authUrl) => {
    const { authenticate, asked } = make();
    expect((await authenticate({ token: 't', authUrl })).site).toBe('site2');
    expect(asked()).toEqual([0, 1, 0]);
  });

  it('a hint never adds a Keystone: an unknown one is ignored', async () => {
    const { authenticate, asked } = make();
    expect((await authenticate({ token: 't', authUrl: 'http://evil.example:5000/v3' })).site).toBe('site2');
    expect(asked()).toEqual([1, 1, 1]);
  });

  it('believes the hinted Keystone when it refuses', async () => {
    const { authenticate, asked } = make();
    await expect(authenticate({ token: 't', authUrl: 'http://site1.example:5000/v3' })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID', site: 'site1' });
    expect(asked()).toEqual([1, 0, 0]);
  });

  it('is not slowed by a silent site when another knows the token', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site1').mode = 'silent';
    const start = performance.now();
    await authenticate({ token: 't', authUrl: undefined });
    expect(performance.now() - start).toBeLessThan(100);
  });

  it('gives a site that is known to be down little time', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site1').mode = 'silent';
    sites.setHealth('site1', 'down');
    const start = performance.now();
    await expect(authenticate({ token: 'foreign', authUrl: undefined })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID', details: { refusedBy: ['site2', 'site3'], notAsked: ['site1'] } });
    expect(performance.now() - start).toBeLessThan(150);
  });

  it('says which Keystones cannot be asked when none can', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site1').mode = 'dead';
    sites.keystone('site2').mode = 'silent';
    sites.keystone('site3').mode = 'broken';
    const error: unknown = await authenticate({ token: 't', authUrl: undefined }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'GW_IDENTITY_UNREACHABLE', kind: 'waiting' });
    expect((error as Error).message).toContain('site1, site2, site3');
  });

  it('does not call a token invalid whose own Keystone cannot be asked', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site2').mode = 'dead';
    await expect(authenticate({ token: 't', authUrl: 'http://site2.example:5000/v3' })).rejects.toMatchObject({ code: 'GW_IDENTITY_UNREACHABLE' });
  });

  it('lets another Keystone vouch when the hinted one is dead (a star with shared keys)', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site1').mode = 'dead';
    expect((await authenticate({ token: 't', authUrl: 'http://site1.example:5000/v3' })).site).toBe('site2');
  });

  it('asks sites that share a Keystone once', async () => {
    const sites = new FakeSites(['a', 'b'], () => 'http://one.example/identity/v3');
    sites.keystone('a').tokens.set('t', good);
    await authenticator({ sites })({ token: 't', authUrl: undefined });
    expect(sites.keystone('a').asked + sites.keystone('b').asked).toBe(1);
  });

  it.each([undefined, ''])('refuses no token: %j', async (token) => {
    await expect(make().authenticate({ token, authUrl: undefined })).rejects.toMatchObject({ code: 'GW_TOKEN_MISSING' });
  });

  it.each(['two words', 'x'.repeat(9000), 'naïve'])('refuses what cannot be a token without asking', async (token) => {
    const { authenticate, asked } = make();
    await expect(authenticate({ token, authUrl: undefined })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID' });
    expect(asked()).toEqual([0, 0, 0]);
  });

  it('refuses a token that Keystone still knows but that has expired', async () => {
    const { sites, authenticate } = make();
    sites.keystone('site1').tokens.set('old', { ...good, expiresAt: new Date('2025-12-31T23:59:59Z') });
    await expect(authenticate({ token: 'old', authUrl: undefined })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID' });
  });

  it('refuses an answer that is not a token', async () => {
    const { sites, authenticate } = make();
    for (const k of Object.values(sites.keystones)) k.tokens.set('odd', { userName: 'root' } as never);
    await expect(authenticate({ token: 'odd', authUrl: undefined })).rejects.toMatchObject({ code: 'GW_IDENTITY_UNREACHABLE' });
  });
});

describe('cache of tokens', () => {
  const hint = 'http://site2.example:5000/v3';

  it('asks again after a minute at most, however long the cache is told to be', async () => {
    const { authenticate, pass, asked } = make({ cacheMs: 3_600_000 });
    await authenticate({ token: 't', authUrl: hint });
    pass(59_999);
    await authenticate({ token: 't', authUrl: hint });
    expect(asked()[1]).toBe(1);
    pass(1);
    await authenticate({ token: 't', authUrl: hint });
    expect(asked()[1]).toBe(2);
  });

  it('never believes a token beyond its expiry', async () => {
    const { sites, authenticate, pass } = make();
    sites.keystone('site2').tokens.set('short', { ...good, expiresAt: new Date('2026-01-01T00:00:10Z') });
    await authenticate({ token: 'short', authUrl: hint });
    pass(10_000);
    await expect(authenticate({ token: 'short', authUrl: hint })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID' });
  });

  it('keeps no refusals', async () => {
    const { sites, authenticate } = make();
    await expect(authenticate({ token: 'new', authUrl: hint })).rejects.toMatchObject({ code: 'GW_TOKEN_INVALID' });
    sites.keystone('site2').tokens.set('new', good);
    await expect(authenticate({ token: 'new', authUrl: hint })).resolves.toMatchObject({ userName: 'mark' });
  });

  it('asks once for a burst with one token', async () => {
    const { authenticate, asked } = make();
    await Promise.all(Array.from({ length: 20 }, () => authenticate({ token: 't', authUrl: hint })));
    expect(asked()[1]).toBe(1);
  });
});
