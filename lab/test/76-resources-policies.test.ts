import type { Cloud, SecurityGroup } from '@godwit/openstack';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, makeImage } from '../src/harness/index.ts';
import { ofOurs, useResources } from '../src/harness/resources.ts';

const MiB = 1024 ** 2;

interface Report {
  readonly changes: readonly { readonly site: string; readonly key: string; readonly action: string; readonly outcome: string; readonly fields: readonly { readonly field: string }[] }[];
  readonly conflicts: readonly { readonly key: string; readonly code: string; readonly reason: string }[];
}

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly stages: readonly { readonly site: string; readonly state: string; readonly imageId: string }[];
}

/** An OpenSSH public key of its own. */
function publicKey(): string {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const text = (b: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, b.length]), b]);
  return `ssh-ed25519 ${Buffer.concat([text(Buffer.from('ssh-ed25519')), text(Buffer.from(x, 'base64url'))]).toString('base64')}`;
}

describe('policies, and what is alike at two sites', () => {
  const s = useResources();
  const servers: { site: string; id: string }[] = [];
  const cleanup: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const { site, id } of servers) await (await s.cloud(site)).compute.servers.delete(id).catch(() => undefined);
    for (const undo of cleanup.toReversed()) await undo().catch(() => undefined);
  }, 120_000);
  const both = async (name = ''): Promise<[Cloud, Cloud]> => [await s.cloud(`site1${name}`), await s.cloud(`site2${name}`)];
  const visible = async (cloud: Cloud, name: string): Promise<string[]> => {
    const { projectId } = await cloud.session.token();
    return (await cloud.image.list({ name })).filter((i) => i.owner === projectId).map((i) => i.id);
  };

  it('a lazy image is fetched when the other site asks for it, and a server boots from it there', async () => {
    const [site1, site2] = await both();
    const [guest] = await site1.image.list({ name: 'godwit-guest' });
    if (!guest) throw new Error('site1 has no image godwit-guest');
    const { stream } = await site1.image.download(guest.id);
    const made = await site1.image.create({ name: 'res-lazy', disk_format: 'raw', container_format: 'bare', hw_qemu_guest_agent: 'yes', hw_video_model: 'none', hw_rng_model: 'virtio' });
    await site1.image.upload(made.id, stream, guest.size ?? 0, { timeoutMs: 600_000 });
    await s.ok('image', 'policy', 'create', 'lazy', '--mode', 'lazy', '--source', 'site1', '--site', 'site2', '--image', 'res-lazy');
    expect(await visible(site2, 'res-lazy')).toEqual([]);
    await s.ok('image', 'ensure', 'res-lazy', '--site', 'site2');
    const [copy = ''] = await visible(site2, 'res-lazy');
    expect((await site2.image.get(copy)).os_hash_value).toBe(guest.os_hash_value);
    expect(await s.ok('image', 'ensure', 'res-lazy', '--site', 'site2')).toMatchObject({ present: true, imageId: copy });
    const flavor = (await site2.compute.flavors.list()).find((f) => f.name === 'vnf.local');
    const [net] = await site2.network.networks.list({ name: 'vnf-net' });
    const { id } = await site2.compute.servers.create({ server: { name: 'res-lazy', flavorRef: flavor?.id ?? '', imageRef: copy, config_drive: true, networks: [{ uuid: net?.id ?? '' }] } as never });
    servers.push({ site: 'site2', id });
    await eventually('the server to run', async () => {
      const now = await site2.compute.servers.get(id);
      if (now.status === 'ERROR') throw new Error(now.fault?.message ?? 'ERROR');
      return now.status === 'ACTIVE';
    }, { timeoutMs: 300_000 });
  });

  it('an automatic policy: a new image and a changed property follow by themselves', async () => {
    const [site1, site2] = await both();
    await s.ok('image', 'policy', 'create', 'auto', '--mode', 'automatic', '--source', 'site1', '--site', 'site2', '--image', 'res-auto-*', '--every', '10');
    const source = await makeImage(site1, 4 * MiB, 31, { name: 'res-auto-1', colour: 'red' });
    await eventually('it to follow', async () => (await visible(site2, 'res-auto-1')).length === 1, { timeoutMs: 90_000 });
    await site1.image.update(source.id, [{ op: 'replace', path: '/colour', value: 'blue' }]);
    const [copy = ''] = await visible(site2, 'res-auto-1');
    await eventually('its property to follow', async () => (await site2.image.get(copy))['colour'] === 'blue', { timeoutMs: 90_000 });
    await s.ok('image', 'policy', 'delete', 'auto');
  });

  it('a controlled rollout: site by site, paused between, and rolled back', async () => {
    const [site1, site2] = await both();
    const v1 = await makeImage(site1, 4 * MiB, 41, { name: 'res-app', version: '1' });
    await s.ok('image', 'clone', 'res-app', '--from', 'site1', '--to', 'site2');
    const [old2 = ''] = await visible(site2, 'res-app');
    const v2 = await makeImage(site1, 4 * MiB, 42, { name: 'res-app', version: '2' });
    await s.ok('image', 'policy', 'create', 'rollout', '--mode', 'controlled', '--source', 'site1', '--site', 'site2', '--image', 'res-app');
    const { id } = await s.ok<Rollout>('image', 'rollout', 'start', 'rollout', '--image', v2.id);
    const state = async (): Promise<string> => (await s.ok<Rollout>('image', 'rollout', 'show', id)).state;
    await eventually('it to pause', async () => (await state()) === 'paused', { timeoutMs: 60_000 });
    expect([await visible(site1, 'res-app'), await visible(site2, 'res-app')]).toEqual([[v2.id], [old2]]);
    await s.ok('image', 'rollout', 'resume', id);
    await eventually('it to be done', async () => (await state()) === 'done', { timeoutMs: 60_000 });
    const [new2 = ''] = await visible(site2, 'res-app');
    expect((await site2.image.get(new2)).os_hash_value).toBe(v2.os_hash_value);
    expect(await site2.image.get(old2)).toMatchObject({ os_hidden: true });
    await s.ok('image', 'rollout', 'rollback', id);
    await eventually('it to be rolled back', async () => (await state()) === 'rolled-back', { timeoutMs: 60_000 });
    expect([await visible(site1, 'res-app'), await visible(site2, 'res-app')]).toEqual([[v1.id], [old2]]);
    expect(await site2.image.get(new2)).toMatchObject({ os_hidden: true });
  });

  const groupsAt = async (cloud: Cloud): Promise<SecurityGroup[]> => {
    const { projectId } = await cloud.session.token();
    return (await cloud.network.securityGroups.list({ project_id: projectId ?? '' })).filter((g) => g.name.startsWith('res-'));
  };
  const dropGroups = async (cloud: Cloud): Promise<void> => {
    const groups = await groupsAt(cloud);
    for (const g of groups) for (const r of g.security_group_rules) await cloud.network.securityGroupRules.delete(r.id);
    for (const g of groups) await cloud.network.securityGroups.delete(g.id);
    for (const g of (await cloud.network.addressGroups.list()).filter((a) => a.name.startsWith('res-'))) await cloud.network.addressGroups.delete(g.id);
  };

  it('security groups whose rules name each other, and an address group: dry run, apply, nothing left; drift made by hand is found and repaired', async () => {
    const [site1, site2] = await both();
    for (const cloud of [site1, site2]) {
      await dropGroups(cloud);
      cleanup.push(() => dropGroups(cloud));
    }
    const addresses = await site1.network.addressGroups.create({ name: 'res-office', addresses: ['192.0.2.0/24', '198.51.100.7/32'] });
    const web = await site1.network.securityGroups.create({ name: 'res-web', description: 'front', stateful: false });
    const db = await site1.network.securityGroups.create({ name: 'res-db' });
    await site1.network.securityGroups.setTags(web.id, ['tier1', 'vnf']);
    const rule = (group: string, more: object) => site1.network.securityGroupRules.create({ security_group_id: group, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', ...more });
    await rule(db.id, { port_range_min: 5432, port_range_max: 5432, remote_group_id: web.id, description: 'web to db' });
    await rule(web.id, { port_range_min: 8080, port_range_max: 8090, remote_group_id: db.id });
    await rule(web.id, { port_range_min: 443, port_range_max: 443, remote_address_group_id: addresses.id });
    await s.ok('sync', 'policy', 'create', 'res-groups', '--kind', 'address-groups,security-groups', '--site', 'site1,site2', '--source', 'site1', '--name', 'res-*', '--repair', '--every', '10', '--delete');
    // The audit may be quicker than the dry run: what it repairs is what is looked for below.
    await s.cli('sync', 'diff', 'res-groups');
    const applied = await s.cli('sync', 'apply', 'res-groups');
    expect([applied.code, applied.stderr]).toEqual([0, expect.any(String)]);
    const clean = await s.cli('sync', 'diff', 'res-groups');
    expect([clean.code, (clean.json as Report).changes]).toEqual([0, []]);
    const there = await groupsAt(site2);
    const [web2, db2] = ['res-web', 'res-db'].map((n) => there.find((g) => g.name === n));
    expect(web2).toMatchObject({ description: 'front', stateful: false, tags: expect.arrayContaining(['tier1', 'vnf']) });
    expect(db2?.security_group_rules.map((r) => r.remote_group_id).filter(Boolean)).toEqual([web2?.id]);
    expect(web2?.security_group_rules.map((r) => r.remote_group_id).filter(Boolean)).toEqual([db2?.id]);
    expect(web2?.security_group_rules.filter((r) => r.remote_address_group_id)).toHaveLength(1);

    const victim = db2?.security_group_rules.find((r) => r.remote_group_id);
    await site2.network.securityGroupRules.delete(victim?.id ?? '');
    await site2.network.securityGroupRules.create({ security_group_id: web2?.id ?? '', direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 23, port_range_max: 23 });
    await eventually('the audit to repair both', async () => {
      const now = await groupsAt(site2);
      const rules = now.flatMap((g) => g.security_group_rules);
      return rules.some((r) => r.remote_group_id === web2?.id) && !rules.some((r) => r.port_range_min === 23);
    }, { timeoutMs: 120_000, everyMs: 1_000 });
    // Gone at the source: it had come from there, and the policy deletes.
    const dbRules = (await groupsAt(site1)).flatMap((g) => g.security_group_rules).filter((r) => r.remote_group_id);
    for (const r of dbRules) await site1.network.securityGroupRules.delete(r.id);
    await site1.network.securityGroups.delete(db.id);
    await eventually('the group to go there too', async () => (await groupsAt(site2)).map((g) => g.name).join() === 'res-web', { timeoutMs: 120_000, everyMs: 1_000 });
  });

  it('keypairs of two users, flavors with access lists and extra specs, a server group; another key of that name is a conflict', async () => {
    const [admin1, admin2] = await both('-admin');
    const drop = async (): Promise<void> => {
      for (const site of ['site1', 'site2']) {
        for (const user of ['', '-stranger']) {
          const cloud = await s.cloud(`${site}${user}`);
          for (const k of (await cloud.compute.keypairs.list()).filter((x) => x.name.startsWith('res-'))) await cloud.compute.keypairs.delete(k.name);
          for (const g of (await cloud.compute.serverGroups.list()).filter((x) => x.name.startsWith('res-'))) await cloud.compute.serverGroups.delete(g.id);
        }
        const admin = await s.cloud(`${site}-admin`);
        for (const f of (await admin.compute.flavors.list({ is_public: 'None' })).filter((x) => x.name.startsWith('res-'))) await admin.compute.flavors.delete(f.id);
      }
    };
    await drop();
    cleanup.push(drop);
    const keys = { tenant: publicKey(), stranger: publicKey(), clash: publicKey() };
    await (await s.cloud('site1')).compute.keypairs.create({ name: 'res-key', public_key: keys.tenant });
    await (await s.cloud('site1-stranger')).compute.keypairs.create({ name: 'res-key', public_key: keys.stranger });
    await (await s.cloud('site1')).compute.keypairs.create({ name: 'res-clash', public_key: keys.clash });
    await (await s.cloud('site2')).compute.keypairs.create({ name: 'res-clash', public_key: publicKey() });
    const flavor = await admin1.compute.flavors.create({ name: 'res-flavor', vcpus: 1, ram: 128, disk: 0, description: 'small', 'os-flavor-access:is_public': false });
    await admin1.compute.flavors.setExtraSpecs(flavor.id, { 'hw:cpu_policy': 'shared', 'trait:CUSTOM_Y': 'forbidden' });
    for (const project of ['vnf', 'other']) await admin1.compute.flavors.addAccess(flavor.id, (await admin1.identity.projects.find(project))?.id ?? '');
    await (await s.cloud('site1')).compute.serverGroups.create({ name: 'res-apart', policy: 'anti-affinity', rules: { max_server_per_host: 2 } });

    await s.as('site1-admin', 'sync', 'policy', 'create', 'res-keys', '--kind', 'keypairs,flavors', '--site', 'site1,site2', '--source', 'site1', '--name', 'res-*', '--user', 'Default/tenant,Default/stranger');
    const dry = await s.tryAs('site1-admin', 'sync', 'diff', 'res-keys');
    expect(dry.code).toBe(1);
    expect((dry.json as Report).changes.map((c) => `${c.action} ${c.key}`).sort()).toEqual(['create flavors res-flavor', 'create keypairs Default/stranger res-key', 'create keypairs Default/tenant res-key']);
    expect((dry.json as Report).conflicts).toMatchObject([{ key: 'keypairs Default/tenant res-clash', code: 'GW_SYNC_CONFLICT' }]);
    expect((await (await s.cloud('site2')).compute.keypairs.list()).map((k) => k.name)).toEqual(['res-clash']);
    await s.as('site1-admin', 'sync', 'apply', 'res-keys');
    expect((await (await s.cloud('site2')).compute.keypairs.get('res-key')).public_key).toContain(keys.tenant);
    expect((await (await s.cloud('site2-stranger')).compute.keypairs.get('res-key')).public_key).toContain(keys.stranger);
    const copy = (await admin2.compute.flavors.list({ is_public: 'None' })).find((f) => f.name === 'res-flavor');
    expect(copy).toMatchObject({ vcpus: 1, ram: 128, description: 'small', 'os-flavor-access:is_public': false, extra_specs: { 'hw:cpu_policy': 'shared', 'trait:CUSTOM_Y': 'forbidden' } });
    const access = await Promise.all(['vnf', 'other'].map(async (p) => (await admin2.identity.projects.find(p))?.id));
    expect((await admin2.compute.flavors.access(copy?.id ?? '')).sort()).toEqual(access.sort());
    // A user's own, without an administrator.
    await s.ok('sync', 'policy', 'create', 'res-own', '--kind', 'server-groups,keypairs', '--site', 'site1,site2', '--source', 'site1', '--name', 'res-apart,res-key');
    await s.ok('sync', 'apply', 'res-own');
    expect((await (await s.cloud('site2')).compute.serverGroups.list()).find((g) => g.name === 'res-apart')).toMatchObject({ policy: 'anti-affinity', rules: { max_server_per_host: 2 } });
    expect((await s.cli('sync', 'policy', 'create', 'res-forbidden', '--kind', 'keypairs', '--site', 'site1,site2', '--source', 'site1', '--user', 'Default/stranger')).json).toMatchObject({ code: 'GW_ROLE_REQUIRED' });
    // What recovery needs, asked and repaired in one command.
    await (await s.cloud('site2')).compute.keypairs.delete('res-key');
    const ready = ['ready', '--site', 'site2', '--from', 'site1', '--keypair', 'res-key', '--flavor', 'res-flavor', '--server-group', 'res-apart'];
    const lacking = await s.cli(...ready);
    expect([lacking.code, (lacking.json as { missing: { name: string }[] }).missing.map((m) => m.name)]).toEqual([1, ['res-key']]);
    expect((await s.cli(...ready, '--repair')).code).toBe(0);
  });

  it('a quota over both sites is balanced by real use', async () => {
    const [admin1, admin2] = await both('-admin');
    const ids = await Promise.all([admin1, admin2].map(async (c) => (await c.identity.projects.find('vnf'))?.id ?? ''));
    const before = await Promise.all([admin1, admin2].map((c, n) => c.compute.quota(ids[n] ?? '')));
    cleanup.push(() => Promise.all([admin1, admin2].map((c, n) => c.compute.setQuota(ids[n] ?? '', { instances: before[n]?.['instances']?.limit ?? 10, cores: before[n]?.['cores']?.limit ?? 20 }))));
    const use = before.map((q) => (q['instances']?.inUse ?? 0) + (q['instances']?.reserved ?? 0));
    expect(use[1]).toBeGreaterThan(0);
    const global = use[0]! + use[1]! + 7;
    await s.as('site1-admin', 'quota', 'create', 'res-soft', '--project', 'Default/vnf', '--site', 'site1,site2', '--mode', 'soft', '--limit', `compute.instances=${global}`);
    await s.as('site1-admin', 'quota', 'balance', 'res-soft');
    const limits = async (): Promise<(number | undefined)[]> => Promise.all([admin1, admin2].map(async (c, n) => (await c.compute.quota(ids[n] ?? ''))['instances']?.limit));
    expect(await limits()).toEqual([global - use[1]!, global - use[0]!]);
    await s.as('site1-admin', 'quota', 'delete', 'res-soft');
    await s.as('site1-admin', 'quota', 'create', 'res-hard', '--project', 'Default/vnf', '--site', 'site1,site2', '--limit', `compute.instances=${global},compute.cores=30`);
    await s.as('site1-admin', 'quota', 'balance', 'res-hard');
    const hard = await limits();
    expect((hard[0] ?? 0) + (hard[1] ?? 0)).toBe(global);
    for (const n of [0, 1]) expect(hard[n]).toBeGreaterThanOrEqual(use[n] ?? 0);
    expect((await s.ok<{ usage: { site: string; resource: string; inUse: number }[] }>('usage')).usage).toContainEqual(expect.objectContaining({ site: 'site2', resource: 'instances', inUse: use[1] }));
    await s.as('site1-admin', 'quota', 'delete', 'res-hard');
  });

  it('the plain copy: the other site’s Glance fetches the data through godwit-server, with the user’s token', async () => {
    const site1 = await s.cloud('site1');
    const source = await makeImage(site1, 8 * MiB, 61, { name: 'res-plain' });
    const pulled = await s.ok<{ imageId: string; method: string }>('image', 'pull', source.id, '--from', 'site1', '--to', 'site2', '--name', 'res-pulled');
    expect(pulled.method).toBe('web-download');
    const godwit2 = await s.cloud('site2');
    await eventually('Glance to have it', async () => (await godwit2.image.get(pulled.imageId)).status === 'active', { timeoutMs: 60_000 });
    expect((await godwit2.image.get(pulled.imageId)).os_hash_value).toBe(source.os_hash_value);
    expect(await s.ok('image', 'pull', source.id, '--from', 'site1', '--to', 'shared', '--name', 'res-pulled')).toMatchObject({ method: 'glance-download' });
    expect((await s.tryAs('site2', 'image', 'pull', source.id, '--from', 'site1', '--to', 'site2', '--name', 'res-pulled')).json).toMatchObject({ code: 'GW_TOKEN_INVALID' });
  });

  it('inventory: all of both sites; of a dead one, what it had, with its age', async () => {
    interface View { readonly items: readonly { site: string; name: string }[]; readonly sites: readonly { site: string; state: string; ageSeconds?: number }[] }
    const [, site2] = await both();
    const live = await s.ok<View>('inventory', '--kind', 'servers');
    expect(live.items).toContainEqual(expect.objectContaining({ site: 'site2', name: 'res-lazy' }));
    const [net] = await site2.network.networks.list({ name: 'vnf-net' });
    const site1 = await s.cloud('site1');
    const [net1] = await site1.network.networks.list({ name: 'vnf-net' });
    const twins = await Promise.all([[site1, net1] as const, [site2, net] as const].map(([c, n]) => c.network.ports.create({ network_id: n?.id ?? '', name: 'res-twin', fixed_ips: [{ ip_address: '192.168.50.77' }] })));
    cleanup.push(() => site1.network.ports.delete(twins[0]?.id ?? ''), () => site2.network.ports.delete(twins[1]?.id ?? ''));
    const conflicts = await s.ok<{ kind: string; address: string; holders: { site: string }[] }[]>('address', 'conflicts');
    expect(conflicts.find((c) => c.address === '192.168.50.77')?.holders.map((h) => h.site).sort()).toEqual(['site1', 'site2']);
    await s.lab.killSite('site2');
    try {
      const dead = await eventually('site2 to be shown as dead', async () => {
        const view = await s.ok<View>('inventory', '--kind', 'servers');
        return view.sites.some((x) => x.site === 'site2' && x.state === 'last-known') ? view : undefined;
      }, { timeoutMs: 60_000 });
      expect(dead.items).toContainEqual(expect.objectContaining({ site: 'site2', name: 'res-lazy' }));
      expect(dead.sites.find((x) => x.site === 'site2')?.ageSeconds).toBeGreaterThan(0);
      expect(dead.sites.find((x) => x.site === 'site1')?.state).toBe('live');
    } finally {
      await s.lab.reviveSite('site2');
      await s.lab.startService('site2', 'glance-shared');
    }
  });

  it('nothing half copied is left', async () => {
    for (const name of ['site1', 'site2']) {
      const cloud = await s.cloud(name);
      expect((await cloud.image.list({ os_hidden: true })).filter((i) => ofOurs(i) && i.name?.startsWith('godwit-clone-'))).toEqual([]);
    }
  });
});
