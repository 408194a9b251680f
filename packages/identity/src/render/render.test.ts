import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { haproxy } from '../../test/haproxy.ts';
import { starConfig } from '../../test/world.ts';
import { createStar } from '../star.ts';
import { render } from './files.ts';

const star = createStar(starConfig());
const at = (site: string, what: Parameters<typeof render>[2], s = star): string => render(s, s.site(site), what, { region: 'R3' });
const backend = (text: string, name: string): string => text.split(/^backend /m).find((b) => b.startsWith(`${name}\n`)) ?? '';

describe('haproxy', () => {
  it('reads at home with the masters behind, writes at the first master site with the next behind', () => {
    const text = at('s3', 'haproxy');
    expect(text).toContain('bind h3:5000\n');
    const home = backend(text, 'home');
    expect([...home.matchAll(/server (\S+) .*?(backup)?$/gm)].map((m) => [m[1], m[2]])).toEqual([['s3-k1', undefined], ['s3-k2', undefined], ['m1-k1', 'backup'], ['m2-k1', 'backup']]);
    expect([...backend(text, 'masters').matchAll(/server (\S+) .*?(backup)?$/gm)].map((m) => [m[1], m[2]])).toEqual([['m1-k1', undefined], ['m2-k1', 'backup']]);
    expect(backend(text, 'masters')).toContain('retry-on conn-failure\n');
  });

  it('asks Keystone and its agent; the agent alone where ports differ', () => {
    expect(backend(at('m1', 'haproxy'), 'home')).toMatch(/connect default\n.*uri \/v3 .*\n.*\n\s+http-check connect port 8791\n.*uri \/ready/);
    const config = starConfig();
    const [node] = config.sites['m1']?.nodes ?? [];
    if (node) node.ready = 'm1-k1.example:9999';
    const text = at('m1', 'haproxy', createStar(config));
    expect(backend(text, 'home')).toContain('check addr m1-k1.example port 9999 observe layer4');
    expect(text).not.toContain('http-check connect');
  });

  const binary = haproxy();
  it.skipIf(binary === undefined)('is accepted by haproxy itself, with every option', () => {
    const [program = '', ...args] = binary ?? [];
    const dir = mkdtempSync(join(tmpdir(), 'godwit-haproxy-'));
    try {
      for (const more of ['', 'loginsAtMaster: true', 'readYourWritesSeconds: 0', 'loginsAtMaster: true\n  readYourWritesSeconds: 0']) {
        const config = starConfig(more);
        for (const s of Object.values(config.sites)) {
          // Names are looked up when it is checked.
          s.bind = '127.0.0.1:15000';
          for (const [i, n] of s.nodes.entries()) Object.assign(n, { address: `127.0.0.${i + 1}:5000`, ready: `127.0.0.${i + 1}:8791` });
        }
        for (const site of ['m1', 's3']) {
          const file = join(dir, 'haproxy.cfg');
          writeFileSync(file, at(site, 'haproxy', createStar(config)));
          const { status, stdout, stderr } = spawnSync(program, [...args, '-c', '-f', file], { encoding: 'utf8' });
          expect([more, status, (stdout + stderr).split('\n').filter((l) => /WARNING|ALERT/.test(l))]).toEqual([more, 0, []]);
        }
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

it('authtoken names the site’s own region and Keystone', () => {
  expect(at('s3', 'authtoken')).toMatch(/auth_url = http:\/\/s3\.example:5000\nregion_name = R3\n/);
});

it('keystone has the policy, and one repository for tokens and receipts', () => {
  const text = at('s3', 'keystone');
  expect(text.match(/max_active_keys = 5/g)).toHaveLength(4);
  expect(text).toMatch(/\[fernet_receipts\]\nkey_repository = \/etc\/keystone\/fernet-keys\/\n/);
});

it('mariadb: members of one cluster with numbers of their own; replicas that let a login write its few columns', () => {
  expect(at('m2', 'mariadb')).toMatch(/server-id = \d+\n[^]*gcomm:\/\/m1-k1\.example,m2-k1\.example/);
  const text = at('s4', 'mariadb');
  expect(text).toContain('GRANT UPDATE (last_active_at) ON keystone.user');
  expect(text).toContain('skip-log-bin');
});

it('mariadb: a server keeps its numbers when a site leaves or comes in before it, and no two have the same', () => {
  const numbers = (s: typeof star, site: string) => [...at(site, 'mariadb', s).matchAll(/^(?:server-id|gtid-domain-id) = (\d+)$/gm)].map((m) => Number(m[1]));
  const config = starConfig();
  const { m1, ...others } = config.sites;
  const without = createStar({ ...config, sites: others });
  const more = createStar({ ...config, sites: { ...(m1 && { a0: { ...m1, nodes: m1.nodes.map((n) => ({ ...n, name: 'a0-k1' })) } }), ...config.sites } });
  const all = ['m1', 'm2', 's3', 's4'].flatMap((site) => numbers(star, site));
  expect([all.length, new Set(all).size]).toEqual([12, 12]);
  expect(Math.max(...all)).toBeLessThan(2 ** 32);
  expect([at('s4', 'mariadb', without), numbers(without, 'm2'), at('s4', 'mariadb', more)]).toEqual([at('s4', 'mariadb'), numbers(star, 'm2'), at('s4', 'mariadb')]);
  const [node] = m1?.nodes ?? [];
  if (node) node.serverId = 7;
  expect(numbers(createStar(config), 'm1')).toEqual([7, 107]);
});
