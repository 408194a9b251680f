import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { renderHaproxy } from '../src/render/haproxy.ts';
import { createStar } from '../src/star.ts';
import { haproxy } from './haproxy.ts';
import { starConfig } from './world.ts';

const binary = haproxy();
/** For HAProxy's checks to see it, on a busy machine too. */
const patient = { timeout: 15_000, interval: 50 };

/** A Keystone and its agent that only say who they are. */
class Stub {
  readonly name: string;
  ready = true;
  #servers: Server[] = [];
  address = '';
  readyAt = '';

  constructor(name: string) {
    this.name = name;
  }

  async start(): Promise<void> {
    const keystone = createServer((q, a) => {
      q.resume();
      q.on('end', () => a.writeHead(200, { 'x-served-by': this.name }).end('{}'));
    });
    const agent = createServer((_q, a) => a.writeHead(this.ready ? 200 : 503).end());
    this.#servers = [keystone, agent];
    for (const s of this.#servers) await once(s.listen(0, '127.0.0.1'), 'listening');
    [this.address, this.readyAt] = this.#servers.map((s) => `127.0.0.1:${(s.address() as AddressInfo).port}`) as [string, string];
  }

  stop(): void {
    for (const s of this.#servers) {
      s.close();
      s.closeAllConnections();
    }
  }
}

describe.skipIf(binary === undefined)('write routing, by a real HAProxy at a replica site', () => {
  const stubs = new Map<string, Stub>();
  let proxy: ChildProcess;
  let dir: string;
  let url: string;

  beforeAll(async () => {
    const config = starConfig('readYourWritesSeconds: 2');
    const spare = createServer().listen(0, '127.0.0.1');
    await once(spare, 'listening');
    const { port } = spare.address() as AddressInfo;
    spare.close();
    url = `http://127.0.0.1:${port}`;
    for (const s of Object.values(config.sites)) {
      s.bind = `127.0.0.1:${port}`;
      for (const n of s.nodes) {
        const stub = new Stub(n.name);
        await stub.start();
        stubs.set(n.name, stub);
        Object.assign(n, { address: stub.address, ready: stub.readyAt });
      }
    }
    const star = createStar(config);
    dir = mkdtempSync(join(tmpdir(), 'godwit-haproxy-'));
    writeFileSync(join(dir, 'haproxy.cfg'), renderHaproxy(star, star.site('s3')).replaceAll('inter 2s', 'inter 100ms').replaceAll('fastinter 500ms', 'fastinter 50ms'));
    const [program = '', ...args] = binary ?? [];
    proxy = spawn(program, [...args, '-db', '-f', join(dir, 'haproxy.cfg')], { stdio: 'ignore' });
    await vi.waitUntil(() => by('GET', '/v3').then((w) => w !== 'HTTP 503', () => false), { timeout: 10_000, interval: 50 });
  }, 30_000);
  afterAll(async () => {
    proxy.kill();
    await once(proxy, 'exit');
    for (const s of stubs.values()) s.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function by(method: string, path: string, body?: unknown, token?: string): Promise<string> {
    const answer = await fetch(url + path, { method, headers: { 'content-type': 'application/json', ...(token !== undefined && { 'x-auth-token': token }) }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    return answer.headers.get('x-served-by') ?? `HTTP ${answer.status}`;
  }
  const auth = (identity: object, scope?: object) => ({ auth: { identity, ...(scope && { scope }) } });
  const password = auth({ methods: ['password'], password: { user: { name: 'u', password: 'p' } } });

  it.each([
    ['GET', '/v3/projects', undefined, /^s3/],
    ['HEAD', '/v3/auth/tokens', undefined, /^s3/],
    ['GET', '/v3/auth/tokens', undefined, /^s3/],
    ['POST', '/v3/auth/tokens', password, /^s3/],
    ['POST', '/v3/auth/tokens?nocatalog', password, /^s3/],
    ['POST', '/v3/auth/tokens', auth({ methods: ['token'], token: { id: 'x' } }), /^s3/],
    ['POST', '/v3/auth/tokens', auth({ methods: ['application_credential'], application_credential: { id: 'x', secret: 'y' } }), /^s3/],
    ['POST', '/v3/ec2tokens', {}, /^s3/],
    ['POST', '/v3/OS-OAUTH2/token', {}, /^s3/],
    // These write.
    ['DELETE', '/v3/auth/tokens', undefined, /^m1/],
    ['POST', '/v3/auth/tokens', auth({ methods: ['saml2'], saml2: {} }), /^m1/],
    ['POST', '/v3/auth/tokens', auth({ methods: ['mapped'], mapped: {} }), /^m1/],
    ['POST', '/v3/auth/tokens', auth({ methods: ['token'], token: { id: 'x' } }, { 'OS-TRUST:trust': { id: 't' } }), /^m1/],
    ['GET', '/v3/OS-FEDERATION/identity_providers/i/protocols/p/auth', undefined, /^m1/],
    ['POST', '/v3/users', {}, /^m1/],
    ['POST', '/v3/users/1/password', {}, /^m1/],
    ['PATCH', '/v3/users/1', {}, /^m1/],
    ['PUT', '/v3/projects/1/users/2/roles/3', undefined, /^m1/],
    ['POST', '/v3/OS-TRUST/trusts', {}, /^m1/],
    ['POST', '/v3/users/1/application_credentials', {}, /^m1/],
    ['POST', '/v3/OS-OAUTH1/access_token', undefined, /^m1/],
    ['DELETE', '/v3/projects/1', undefined, /^m1/],
  ] as const)('%s %s %j: %s', async (method, path, body, where) => {
    expect(await by(method, path, body)).toMatch(where);
  });

  it('who has written reads where he wrote, for a while; others do not', async () => {
    expect(await by('POST', '/v3/projects', {}, 'tok-a')).toBe('m1-k1');
    expect(await by('GET', '/v3/projects/1', undefined, 'tok-a')).toBe('m1-k1');
    expect(await by('GET', '/v3/projects/1', undefined, 'tok-b')).toMatch(/^s3/);
    // A validation stays at home, whoever asks.
    expect(await by('GET', '/v3/auth/tokens', undefined, 'tok-a')).toMatch(/^s3/);
    await expect.poll(() => by('GET', '/v3/projects/1', undefined, 'tok-a'), { timeout: 15_000, interval: 200 }).toMatch(/^s3/);
  });

  it('a node that its agent does not let serve gets nothing; the masters serve when none at home may; writes go to the other site', async () => {
    const set = (name: string, ready: boolean): void => {
      const stub = stubs.get(name);
      if (stub) stub.ready = ready;
    };
    set('s3-k1', false);
    await expect.poll(async () => new Set(await Promise.all(Array.from({ length: 6 }, () => by('GET', '/v3/users')))), patient).toEqual(new Set(['s3-k2']));
    set('s3-k2', false);
    await expect.poll(() => by('GET', '/v3/users'), patient).toMatch(/^m/);
    set('m1-k1', false);
    await expect.poll(() => by('POST', '/v3/users', {}), patient).toBe('m2-k1');
    await expect.poll(() => by('GET', '/v3/users'), patient).toBe('m2-k1');
    for (const n of ['s3-k1', 's3-k2', 'm1-k1']) set(n, true);
    await expect.poll(() => by('POST', '/v3/users', {}), patient).toBe('m1-k1');
    await expect.poll(() => by('GET', '/v3/users'), patient).toMatch(/^s3/);
  });
});
