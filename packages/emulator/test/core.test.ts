import { createServer } from 'node:net';
import { createManualTime } from '../src/index.ts';
import { describe, expect, it } from 'vitest';
import { cloud, emulate, twoSite } from './harness.ts';
import { parseTopology, startEmulator } from '../src/index.ts';
import { readFileSync } from 'node:fs';

const versions = (url: string, site = 'site1'): Promise<Response> => fetch(`${url}/${site}/identity/v3`);

describe('the front', () => {
  it('gives each request an id, and every site the same services at its own address', async () => {
    const { url } = await emulate();
    for (const site of ['site1', 'site2']) {
      const answer = await versions(url, site);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-openstack-request-id')).toMatch(/^req-[0-9a-f-]{36}$/);
      expect(await answer.text()).toContain(`${url}/${site}/identity/v3/`);
    }
    expect((await fetch(`${url}/site9/identity/v3`)).status).toBe(404);
    const nobody = await fetch(`${url}/site1/identity/v3/users`);
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get('www-authenticate')).toContain('Keystone uri=');
  });

  it('is the same world for the same seed, and another for another', async () => {
    const ids = async (seed: number): Promise<string[]> => [...(await emulate({ seed })).site('site1').parts.identity!.projectNamed('vnf')!.id, (await emulate({ seed })).site('site1').secret('user/tenant')];
    expect(await ids(7)).toEqual(await ids(7));
    expect(await ids(7)).not.toEqual(await ids(8));
  });

  it('says in one sentence what is wrong with a port, a topology or a fault', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => holder.once('listening', done));
    const { port } = holder.address() as { port: number };
    await expect(emulate({ port })).rejects.toThrow(`port ${String(port)} of 127.0.0.1 is in use by another process`);
    holder.close();
    const text = readFileSync(twoSite, 'utf8');
    expect(() => parseTopology(text.replace('role: member, project: other', 'role: member, project: nowhere'), 'x.yaml')).toThrow(/^x\.yaml:\d+: users\.stranger\.roles\.0\.project: there is no project nowhere$/);
    expect(() => parseTopology('name: x\nsites: [', 'x.yaml')).toThrow(/^x\.yaml:2:\d+: not YAML/);
    await expect(startEmulator({ topology: '/nowhere/t.yaml' })).rejects.toThrow('/nowhere/t.yaml: ENOENT');
    const emulator = await emulate();
    expect(() => emulator.inject({ kind: 'earthquake' } as never)).toThrow('there is no fault "earthquake"; faults: latency,');
    expect(() => emulator.inject({ kind: 'site-down', site: 'site9' })).toThrow('fault site-down: there is no site site9; sites: site1, site2');
    expect(() => emulator.inject({ kind: 'error', status: 200 })).toThrow('fault error: status:');
    expect(() => emulator.inject({ kind: 'error', path: '(' })).toThrow('fault error: path:');
  });
});

describe('faults', () => {
  it('answers, delays or breaks what they are for, and nothing else', async () => {
    const emulator = await emulate();
    const error = emulator.inject({ kind: 'error', site: 'site1', service: 'identity', status: 503, skip: 1, times: 1 });
    expect((await versions(emulator.url)).status).toBe(200);
    const hit = await versions(emulator.url);
    expect(hit.status).toBe(503);
    expect(await hit.json()).toMatchObject({ error: { code: 503 } });
    expect((await versions(emulator.url)).status).toBe(200);
    expect(error.hits).toBe(1);
    emulator.inject({ kind: 'reset', site: 'site1', path: '^/v3$' });
    await expect(versions(emulator.url)).rejects.toThrow();
    expect((await versions(emulator.url, 'site2')).status).toBe(200);
  });

  it('a lost answer: what was asked is done', async () => {
    const emulator = await emulate();
    const admin = cloud(emulator, 'site1-admin').identity;
    await admin.projects.list();
    emulator.inject({ kind: 'lost-answer', method: 'POST', path: '/projects$', times: 1 });
    await expect(admin.projects.create({ name: 'new', domain_id: 'default' })).rejects.toMatchObject({ code: 'OS_UNREACHABLE' });
    expect(await admin.projects.find('new')).toMatchObject({ name: 'new' });
  });

  it('a dead site’s connections break or hang; what it had on disk is there when it returns', async () => {
    const emulator = await emulate();
    const admin = cloud(emulator, 'site1-admin').identity;
    await admin.projects.create({ name: 'kept', domain_id: 'default' });
    const down = emulator.inject({ kind: 'site-down', site: 'site1' });
    await expect(versions(emulator.url)).rejects.toThrow();
    expect((await versions(emulator.url, 'site2')).status).toBe(200);
    down.lift();
    expect(await admin.projects.find('kept')).toMatchObject({ name: 'kept' });
    const hanging = emulator.inject({ kind: 'site-down', site: 'site1', how: 'hang' });
    await expect(fetch(`${emulator.url}/site1/identity/v3`, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/);
    hanging.lift();
    expect((await versions(emulator.url)).status).toBe(200);
  });

  it('a hang ends when it is lifted', async () => {
    const emulator = await emulate();
    const hang = emulator.inject({ kind: 'hang', site: 'site1' });
    const asked = versions(emulator.url).then(() => 'answered', () => 'broken');
    await expect.poll(() => hang.hits).toBe(1);
    hang.lift();
    expect(await asked).toBe('broken');
  });
});

describe('time', () => {
  it('compresses work, not the time of day; a site’s death drops its work', async () => {
    const clock = createManualTime({ speed: 10 });
    const emulator = await emulate({ clock });
    const site = emulator.site('site1');
    const done: string[] = [];
    site.work(1000, () => done.push('work'));
    clock.after(1000, () => done.push('day'));
    await clock.advance(150);
    expect(done).toEqual(['work']);
    await clock.advance(1000);
    expect(done).toEqual(['work', 'day']);
    site.work(1000, () => done.push('never'));
    emulator.inject({ kind: 'site-down', site: 'site1' }).lift();
    await clock.advance(10_000);
    expect(done).toEqual(['work', 'day']);
    emulator.inject({ kind: 'clock-skew', site: 'site1', ms: 60_000 });
    expect(site.now() - clock.now()).toBe(60_000);
  });
});
