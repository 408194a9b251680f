import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { hex, is, map, one, text, timeZ, uuid, webobError } from '../src/shapes/base.ts';
import { neutronError } from '../src/shapes/base.ts';
import { answers, NO_UUID, refuses, type Suite } from '../src/suite.ts';

const page = <S extends z.ZodType>(key: string, shape: S) => z.object({ [key]: z.array(shape) });
const addressGroup = z.strictObject({ id: uuid, name: text, description: text, project_id: hex, addresses: z.array(text), shared: z.boolean().optional(), created_at: timeZ, updated_at: timeZ, revision_number: z.int(), tenant_id: hex, standard_attr_id: z.int().optional() });
const serverGroup = z.strictObject({ id: uuid, name: text, policy: text, rules: z.record(text, z.number()), members: z.array(text), project_id: hex, user_id: hex });
const member = z.strictObject({ image_id: uuid, member_id: hex, status: is('pending', 'accepted', 'rejected'), created_at: timeZ, updated_at: timeZ, schema: is('/v2/schemas/member') });
const members = z.strictObject({ members: z.array(member), schema: is('/v2/schemas/members') });
const anyBody = z.looseObject({});
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpKHHOgfKWlHC5EiQVWJP1U0XGOdMBBvIsrUt8FSMOJ';

/** What the catalogue of resources asks beside what protection does. */
export function resources(suite: Suite): void {
  describe('resources', () => {
    it('security groups: made, tagged, with rules that name groups and address groups; revisions count a rule’s change', async () => {
      const [godwit, projectId] = [await suite.cloud('godwit'), await suite.projectId('tenant')];
      const { securityGroups, securityGroupRules, addressGroups } = godwit.network;
      const [a, b] = [
        await answers(() => securityGroups.create({ name: 'contract-a', description: 'first', stateful: false }), { status: 201, body: one('security_group', anyBody) }),
        await answers(() => securityGroups.create({ name: 'contract-b', description: '' }), { status: 201, body: one('security_group', anyBody) }),
      ];
      expect([a.stateful, b.stateful, a.security_group_rules.map((r) => `${r.direction} ${r.ethertype ?? ''}`).sort()]).toEqual([false, true, ['egress IPv4', 'egress IPv6']]);
      const office = await answers(() => addressGroups.create({ name: 'contract-office', description: '', addresses: ['192.0.2.0/24'] }), { status: 201, body: one('address_group', addressGroup) });
      const revisions = () => answers(() => securityGroups.revisions({ project_id: projectId }), { status: 200, body: page('security_groups', z.strictObject({ id: uuid, revision_number: z.int() })) });
      const before = await revisions();
      const rule = (more: object) => answers(() => securityGroupRules.create({ security_group_id: a.id, project_id: projectId, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 90, remote_ip_prefix: null, description: 'x', ...more }), { status: 201, body: one('security_group_rule', anyBody) });
      const named = await rule({ remote_group_id: b.id });
      await rule({ remote_address_group_id: office.id });
      await refuses(() => securityGroupRules.create({ security_group_id: a.id, project_id: projectId, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 90, remote_group_id: b.id, description: 'x' }), { status: 409, body: neutronError('SecurityGroupRuleExists', /already exists/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      await answers(() => securityGroups.setTags(a.id, ['one', 'two']), { status: 200, body: z.strictObject({ tags: z.array(text) }) });
      const after = await revisions();
      expect(after.get(a.id)).toBeGreaterThan(before.get(a.id) ?? 0);
      expect(after.get(b.id)).toBe(before.get(b.id));
      const [seen] = await answers(() => securityGroups.list({ id: [a.id], name: 'contract-a' }), { status: 200, body: page('security_groups', anyBody) });
      expect(seen?.tags?.toSorted()).toEqual(['one', 'two']);
      expect(seen?.security_group_rules.map((r) => r.remote_group_id ?? r.remote_address_group_id ?? '').filter((x) => x !== '').sort()).toEqual([b.id, office.id].sort());
      expect((await securityGroups.list({ id: [a.id, b.id] })).length).toBe(2);
      await answers(() => securityGroups.update(a.id, { description: 'second' }), { status: 200, body: one('security_group', anyBody) });
      await answers(() => securityGroupRules.delete(named.id), { status: 204 });
      await refuses(() => addressGroups.delete(office.id), { status: 409, body: neutronError('AddressGroupInUse', /in use/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      await answers(() => securityGroups.delete(a.id), { status: 204 });
      await answers(() => securityGroups.delete(b.id), { status: 204 });
      await answers(() => addressGroups.update(office.id, { description: 'home' }), { status: 200, body: one('address_group', addressGroup) });
      await answers(() => addressGroups.addAddresses(office.id, ['198.51.100.0/24']), { status: 200, body: one('address_group', addressGroup) });
      await answers(() => addressGroups.removeAddresses(office.id, ['192.0.2.0/24']), { status: 200, body: one('address_group', addressGroup) });
      expect(await answers(() => addressGroups.list({ project_id: projectId, name: 'contract-office' }), { status: 200, body: page('address_groups', addressGroup) })).toMatchObject([{ description: 'home', addresses: ['198.51.100.0/24'] }]);
      await answers(() => addressGroups.delete(office.id), { status: 204 });
      // A Neutron without the router extension does not know the word.
      await refuses(() => godwit.network.floatingIps.list({ project_id: projectId }), { status: 404, body: z.looseObject({}), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE', requestId: false });
      await answers(() => godwit.network.ports.list({ project_id: projectId }), { status: 200, body: page('ports', anyBody) });
    });

    it('flavors: all of them, extra specs, access, description', async () => {
      const [service, projectId] = [await suite.cloud('service'), await suite.projectId('tenant')];
      const { flavors } = service.compute;
      const made = await answers(() => flavors.create({ name: 'contract-flavor', vcpus: 1, ram: 64, disk: 0, swap: 0, rxtx_factor: 1, 'OS-FLV-EXT-DATA:ephemeral': 0, 'os-flavor-access:is_public': false, description: 'x' }), { status: 200, body: one('flavor', anyBody) });
      await answers(() => flavors.setExtraSpecs(made.id, { 'hw:cpu_policy': 'shared', 'trait:CUSTOM_A': 'required' }), { status: 200, body: one('extra_specs', map) });
      await answers(() => flavors.deleteExtraSpec(made.id, 'trait:CUSTOM_A'), { status: 200 });
      expect(await answers(() => flavors.extraSpecs(made.id), { status: 200, body: one('extra_specs', map) })).toEqual({ 'hw:cpu_policy': 'shared' });
      await answers(() => flavors.addAccess(made.id, projectId), { status: 200, body: z.strictObject({ flavor_access: z.array(z.strictObject({ flavor_id: text, tenant_id: hex })) }) });
      expect(await answers(() => flavors.access(made.id), { status: 200, body: z.strictObject({ flavor_access: z.array(z.strictObject({ flavor_id: text, tenant_id: hex })) }) })).toEqual([projectId]);
      expect((await answers(() => flavors.list({ is_public: 'None' }), { status: 200, body: z.looseObject({ flavors: z.array(anyBody) }) })).find((f) => f.id === made.id)).toMatchObject({ description: 'x', extra_specs: { 'hw:cpu_policy': 'shared' }, 'os-flavor-access:is_public': false });
      expect((await flavors.list()).map((f) => f.name)).not.toContain('contract-flavor');
      await answers(() => flavors.removeAccess(made.id, projectId), { status: 200, body: z.looseObject({ flavor_access: z.array(anyBody) }) });
      expect((await answers(() => flavors.describe(made.id, null), { status: 200, body: one('flavor', anyBody) })).description).toBe(null);
      await answers(() => flavors.delete(made.id), { status: 202 });
    });

    it('keypairs of another user, and server groups', async () => {
      const [service, godwit] = [await suite.cloud('service'), await suite.cloud('godwit')];
      const [user] = await service.identity.users.list({ name: 'tenant' });
      const user_id = user?.id ?? '';
      const { keypairs, serverGroups } = service.compute;
      await answers(() => keypairs.create({ name: 'contract-key', public_key: key, type: 'ssh', user_id }), { status: 201, body: one('keypair', anyBody) });
      await refuses(() => keypairs.create({ name: 'contract-key', public_key: key, type: 'ssh', user_id }), { status: 409, body: z.looseObject({ conflictingRequest: z.looseObject({ message: text.regex(/already exists/) }) }), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      expect((await answers(() => keypairs.list({ user_id }), { status: 200, body: z.looseObject({ keypairs: z.array(anyBody) }) })).find((k) => k.name === 'contract-key')).toMatchObject({ public_key: key, type: 'ssh' });
      expect((await keypairs.list()).map((k) => k.name)).not.toContain('contract-key');
      await answers(() => keypairs.delete('contract-key', { user_id }), { status: 204 });
      const group = await answers(() => godwit.compute.serverGroups.create({ name: 'contract-group', policy: 'anti-affinity', rules: { max_server_per_host: 3 } }), { status: 200, body: one('server_group', serverGroup) });
      expect(await answers(() => godwit.compute.serverGroups.list(), { status: 200, body: z.looseObject({ server_groups: z.array(serverGroup) }) })).toContainEqual(expect.objectContaining({ id: group.id, rules: { max_server_per_host: 3 } }));
      expect((await serverGroups.list()).map((g) => g.id)).not.toContain(group.id);
      await answers(() => godwit.compute.serverGroups.delete(group.id), { status: 204 });
    });

    it('images: lent to a project, read from the middle, found by a property, imported', async () => {
      const [godwit, stranger] = [await suite.cloud('godwit'), await suite.projectId('stranger')];
      const { image } = godwit;
      const made = await image.create({ name: 'contract-clone', disk_format: 'raw', container_format: 'bare', visibility: 'private', os_hidden: true, godwit_clone_job: 'j', godwit_origin: NO_UUID, godwit_origin_site: 'site1' });
      await image.upload(made.id, Buffer.from('0123456789'), 10);
      const part = await image.download(made.id, { from: 4 });
      const pieces: Uint8Array[] = [];
      for await (const p of part.stream as AsyncIterable<Uint8Array>) pieces.push(p);
      expect([part.from, Buffer.concat(pieces).toString()]).toEqual([4, '456789']);
      for (const query of [{ godwit_clone_job: 'j', os_hidden: true }, { godwit_origin: NO_UUID, os_hidden: true }, { name: 'contract-clone', os_hidden: true }, { owner: await suite.projectId('tenant'), status: 'active', os_hidden: true }]) expect((await image.list(query)).map((i) => i.id)).toContain(made.id);
      expect((await image.list({ godwit_clone_job: 'other', os_hidden: true })).map((i) => i.id)).toEqual([]);
      await refuses(() => image.members.add(made.id, stranger), { status: 403, body: webobError('403 Forbidden', /^Not allowed to create members for image /), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' });
      await answers(() => image.update(made.id, [{ op: 'replace', path: '/visibility', value: 'shared' }]), { status: 200, body: anyBody });
      expect(await answers(() => image.members.add(made.id, stranger), { status: 200, body: member })).toMatchObject({ status: 'pending' });
      expect(await answers(() => image.members.setStatus(made.id, stranger, 'accepted'), { status: 200, body: member })).toMatchObject({ status: 'accepted' });
      expect(await answers(() => image.members.list(made.id), { status: 200, body: members })).toMatchObject([{ member_id: stranger }]);
      await answers(() => image.members.remove(made.id, stranger), { status: 204 });
      expect(await image.importMethods()).toContain('glance-download');
      const other = await image.create({ name: 'contract-import', disk_format: 'raw', container_format: 'bare', version: '1' });
      // A region that its catalogue does not have: taken, and found out when the task runs.
      await answers(() => image.import(other.id, { name: 'glance-download', glance_region: 'nowhere', glance_image_id: made.id, glance_service_interface: 'public' }), { status: 202 });
      for (let n = 0; n < 100; n++) {
        const tasks = await answers(() => image.tasks(other.id), { status: 200, body: z.strictObject({ tasks: z.array(anyBody) }) });
        if (tasks.some((t) => t.status === 'failure')) break;
        await new Promise((r) => setTimeout(r, 200));
      }
      expect((await image.tasks(other.id)).map((t) => t.status)).toEqual(['failure']);
      expect((await image.get(other.id)).status).toBe('queued');
      await image.import(other.id, { name: 'web-download', uri: 'http://127.0.0.1:80/nothing' }).catch(() => undefined);
      for (const { id } of [made, other]) await answers(() => image.delete(id), { status: 204 });
    });

    it('projects and users by name, quotas, capacity', async () => {
      const [service, godwit, projectId] = [await suite.cloud('service'), await suite.cloud('godwit'), await suite.projectId('tenant')];
      const [domain] = await service.identity.domains.list({ name: 'Default' });
      const domain_id = domain?.id ?? '';
      expect((await service.identity.projects.list({ name: 'vnf', domain_id })).map((p) => p.id)).toEqual([projectId]);
      expect((await service.identity.projects.find(projectId))?.name).toBe('vnf');
      const [user] = await service.identity.users.list({ name: 'tenant', domain_id });
      expect((await service.identity.users.find(user?.id ?? ''))?.name).toBe('tenant');
      expect((await service.identity.domains.get(domain_id)).name).toBe('Default');
      // Who has a role may be given it again.
      const role = await service.identity.roles.find('member');
      expect(role?.name).toBe('member');
      await (await suite.cloud('admin')).identity.assignments.grant({ userId: user?.id ?? '', projectId, roleId: role?.id ?? '' });
      const before = await service.compute.quota(projectId);
      await answers(() => service.compute.setQuota(projectId, { server_groups: 11, key_pairs: 101 }), { status: 200, body: z.looseObject({ quota_set: anyBody }) });
      expect(await service.compute.quota(projectId)).toMatchObject({ server_groups: { limit: 11 }, key_pairs: { limit: 101 } });
      await service.compute.setQuota(projectId, { server_groups: before['server_groups']?.limit ?? 10, key_pairs: before['key_pairs']?.limit ?? 100 });
      const volumes = (await service.volume.quota(projectId))['volumes']?.limit ?? 40;
      await answers(() => service.volume.setQuota(projectId, { volumes }), { status: 200, body: z.looseObject({ quota_set: anyBody }) });
      const wide = await service.network.quota(projectId);
      const limitOf = (what: string): number => wide[what]?.limit ?? -1;
      await answers(() => service.network.setQuota(projectId, { subnet: limitOf('subnet'), security_group: limitOf('security_group'), security_group_rule: limitOf('security_group_rule') }), { status: 200, body: z.looseObject({ quota: anyBody }) });
      await godwit.compute.servers.list();
      await godwit.volume.volumes.list();
      const providers = await answers(() => service.placement.resourceProviders.list(), { status: 200, body: z.looseObject({ resource_providers: z.array(anyBody) }) });
      const uuidOf = providers[0]?.uuid ?? '';
      expect(Object.keys(await answers(() => service.placement.resourceProviders.inventories(uuidOf), { status: 200, body: z.looseObject({ inventories: anyBody }) }))).toContain('VCPU');
      await answers(() => service.placement.resourceProviders.usages(uuidOf), { status: 200, body: z.looseObject({ usages: anyBody }) });
    });
  });
}
