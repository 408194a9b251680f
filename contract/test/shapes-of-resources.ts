import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { empty, fault, hex, is, list, map, neutronError, one, text, timeZ, uuid, webobError } from '../src/shapes/base.ts';
import { flavor } from '../src/shapes/compute.ts';
import { domains, project, projects } from '../src/shapes/identity.ts';
import { adminPort, securityGroup, securityGroupRule } from '../src/shapes/network.ts';
import { answers, NO_HEX, NO_UUID, passes, refuses, type Suite } from '../src/suite.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHc8v0mU0mJ3YJq9lHIV4a0f3r0y0g8iD8m4yP2Rk5bY contract';

const user = z.strictObject({ id: hex, name: text, domain_id: text, enabled: z.boolean(), password_expires_at: z.null(), options: empty, links: z.strictObject({ self: text }) });
const keypair = z.strictObject({ name: text, public_key: text, fingerprint: text, type: is('ssh', 'x509') });
const serverGroup = z.strictObject({ id: uuid, name: text, policy: text, rules: z.record(z.string(), z.int()), members: z.array(uuid), project_id: hex, user_id: hex });
const flavorAccess = z.strictObject({ flavor_access: z.array(z.strictObject({ flavor_id: text, tenant_id: hex })) });
const member = z.strictObject({ member_id: hex, image_id: uuid, status: is('pending', 'accepted', 'rejected'), created_at: timeZ, updated_at: timeZ, schema: is('/v2/schemas/member') });
const addressGroup = z.strictObject({ id: uuid, name: text, description: text, project_id: hex, tenant_id: hex, addresses: z.array(text), created_at: timeZ, updated_at: timeZ, revision_number: z.int() });
/** To a change of its addresses alone Neutron answers with two fields more. */
const changedAddressGroup = addressGroup.extend({ shared: z.literal(false), standard_attr_id: z.int() });
/** A rule by itself has less than one that is shown in its group. */
const bornRule = securityGroupRule.omit({ standard_attr_id: true, tags: true });
const page = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: z.array(shape), [`${key}_links`]: z.array(z.strictObject({ rel: is('next', 'previous'), href: text })) });
const itemGone = (why: RegExp) => ({ status: 404, body: fault('itemNotFound', 404, why), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' }) as const;
const itemTaken = (why: RegExp) => ({ status: 409, body: fault('conflictingRequest', 409, why), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' }) as const;

/** Beside resources.ts: every field of flavors, keypairs, groups of all kinds, members of images, and what is refused. All of it in project `other`. */
export function shapesOfResources(suite: Suite): void {
  describe('resources: shapes and refusals', () => {
    it('flavors: made with all that they have, described, with specs and access', async () => {
      const [admin, stranger] = [await suite.cloud('admin'), await suite.cloud('stranger')];
      const other = await suite.projectId('stranger');
      const { flavors } = admin.compute;
      const made = await answers(
        () => flavors.create({ name: 'contract-f', vcpus: 1, ram: 64, disk: 1, swap: 32, rxtx_factor: 1, 'OS-FLV-EXT-DATA:ephemeral': 1, 'os-flavor-access:is_public': false, description: 'of the contract suite' }),
        { status: 200, body: one('flavor', flavor) },
      );
      try {
        expect(made).toMatchObject({ name: 'contract-f', swap: 32, 'OS-FLV-EXT-DATA:ephemeral': 1, 'os-flavor-access:is_public': false, description: 'of the contract suite', extra_specs: {} });
        await refuses(() => flavors.create({ name: 'contract-f', vcpus: 1, ram: 64, disk: 1 }), itemTaken(/^Flavor with name contract-f already exists\.$/));
        const all = await answers(() => flavors.list({ is_public: 'None' }), { status: 200, body: list('flavors', flavor) });
        expect(all.map((f) => f.name)).toContain('contract-f');
        expect((await stranger.compute.flavors.list()).map((f) => f.name)).not.toContain('contract-f');
        const described = await answers(() => flavors.describe(made.id, 'else'), { status: 200, body: one('flavor', flavor) });
        expect(described.description).toBe('else');
        await answers(() => flavors.setExtraSpecs(made.id, { 'hw:mem_page_size': 'small', 'trait:CUSTOM_X': 'required' }), { status: 200, body: z.strictObject({ extra_specs: map }) });
        await answers(() => flavors.deleteExtraSpec(made.id, 'trait:CUSTOM_X'), { status: 200 });
        expect(await answers(() => flavors.extraSpecs(made.id), { status: 200, body: z.strictObject({ extra_specs: map }) })).toEqual({ 'hw:mem_page_size': 'small' });
        await refuses(() => flavors.deleteExtraSpec(made.id, 'trait:CUSTOM_X'), itemGone(/^Flavor .* has no extra specs with key trait:CUSTOM_X\.$/));
        await answers(() => flavors.addAccess(made.id, other), { status: 200, body: flavorAccess });
        await refuses(() => flavors.addAccess(made.id, other), itemTaken(/^Flavor access already exists for flavor .* and project .* combination\.$/));
        expect(await answers(() => flavors.access(made.id), { status: 200, body: flavorAccess })).toEqual([other]);
        expect((await stranger.compute.flavors.list()).map((f) => f.name)).toContain('contract-f');
        await answers(() => flavors.removeAccess(made.id, other), { status: 200, body: flavorAccess });
        await refuses(() => flavors.removeAccess(made.id, other), itemGone(/^Flavor access not found for .* combination\.$/));
        expect(await flavors.access(made.id)).toEqual([]);
      } finally {
        await flavors.delete(made.id);
      }
      await refuses(() => flavors.delete(made.id), itemGone(/^Flavor .* could not be found\.$/));
    });

    it('keypairs of another user, by administrators', async () => {
      const [admin, stranger] = [await suite.cloud('admin'), await suite.cloud('stranger')];
      const user_id = (await stranger.session.token()).userId;
      const { keypairs } = admin.compute;
      const made = await answers(() => keypairs.create({ name: 'contract-k', public_key: KEY, type: 'ssh', user_id }), { status: 201, body: one('keypair', keypair.extend({ user_id: hex })) });
      expect(made).toMatchObject({ name: 'contract-k', type: 'ssh', user_id });
      await refuses(() => keypairs.create({ name: 'contract-k', public_key: KEY, user_id }), itemTaken(/^Key pair 'contract-k' already exists\.$/));
      const all = await answers(() => keypairs.list({ user_id }), { status: 200, body: list('keypairs', z.strictObject({ keypair })) });
      expect(all.map((k) => k.name)).toEqual(['contract-k']);
      await answers(() => keypairs.delete('contract-k', { user_id }), { status: 204 });
      await refuses(() => keypairs.delete('contract-k', { user_id }), itemGone(/^Keypair contract-k not found for user /));
    });

    it('server groups', async () => {
      const stranger = await suite.cloud('stranger');
      const { serverGroups } = stranger.compute;
      const made = await answers(() => serverGroups.create({ name: 'contract-sg', policy: 'anti-affinity', rules: { max_server_per_host: 2 } }), { status: 200, body: one('server_group', serverGroup) });
      expect(made).toMatchObject({ policy: 'anti-affinity', rules: { max_server_per_host: 2 }, members: [] });
      expect((await answers(() => serverGroups.list(), { status: 200, body: list('server_groups', serverGroup) })).map((g) => g.id)).toEqual([made.id]);
      await answers(() => serverGroups.delete(made.id), { status: 204 });
      await refuses(() => serverGroups.delete(made.id), itemGone(/^Instance group .* could not be found\.$/));
    });

    it('projects, users and domains: found by id, listed by name', async () => {
      const service = await suite.cloud('service');
      const { identity } = service;
      const other = await suite.projectId('stranger');
      const [domain] = await answers(() => identity.domains.list({ name: 'Default' }), { status: 200, body: domains });
      await answers(() => identity.domains.get(domain?.id ?? ''), { status: 200, body: z.strictObject({ domain: domains.shape.domains.element }) });
      expect((await answers(() => identity.projects.list({ name: 'other', domain_id: domain?.id ?? '' }), { status: 200, body: projects })).map((p) => p.id)).toEqual([other]);
      expect((await answers(() => identity.projects.find(other), { status: 200, body: z.strictObject({ project }) }))?.name).toBe('other');
      expect(await identity.projects.find(NO_HEX)).toBeUndefined();
      const [who] = await answers(() => identity.users.list({ name: 'stranger', domain_id: domain?.id ?? '' }), { status: 200, body: z.strictObject({ users: z.array(user), links: projects.shape.links }) });
      expect((await answers(() => identity.users.find(who?.id ?? ''), { status: 200, body: z.strictObject({ user }) }))?.name).toBe('stranger');
    });

    it('security groups and their rules', async () => {
      const stranger = await suite.cloud('stranger');
      const { securityGroups, securityGroupRules } = stranger.network;
      const project_id = await suite.projectId('stranger');
      const made = await answers(() => securityGroups.create({ name: 'contract-sg', description: 'd', stateful: false }), { status: 201, body: one('security_group', securityGroup) });
      const { id } = made;
      expect(made.security_group_rules.map((r) => `${r.direction} ${r.ethertype ?? ''}`).sort()).toEqual(['egress IPv4', 'egress IPv6']);
      await answers(() => securityGroups.update(id, { description: 'e', stateful: true }), { status: 200, body: one('security_group', securityGroup) });
      await answers(() => securityGroups.setTags(id, ['b', 'a']), { status: 200, body: z.strictObject({ tags: z.array(text) }) });
      expect((await answers(() => securityGroups.list({ name: 'contract-sg', project_id }), { status: 200, body: page('security_groups', securityGroup) })).map((g) => [g.id, g.tags?.toSorted()])).toEqual([[id, ['a', 'b']]]);
      expect((await answers(() => securityGroups.list({ id: [id, NO_UUID] }), { status: 200, body: page('security_groups', securityGroup) })).map((g) => g.id)).toEqual([id]);
      const before = (await answers(() => securityGroups.revisions({ project_id }), { status: 200, body: page('security_groups', z.strictObject({ id: uuid, revision_number: z.int() })) })).get(id) ?? NaN;
      const groups = await addressed();
      const rule = { security_group_id: id, project_id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '10.0.0.0/8', description: 'ssh' };
      const first = await answers(() => securityGroupRules.create(rule), { status: 201, body: one('security_group_rule', bornRule) });
      await refuses(() => securityGroupRules.create(rule), { status: 409, body: neutronError('SecurityGroupRuleExists', /^Security group rule already exists\. Rule id is .*\.$/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      const { remote_ip_prefix: _p, ...open } = rule;
      await answers(() => securityGroupRules.create({ ...open, remote_group_id: id }), { status: 201, body: one('security_group_rule', bornRule) });
      await answers(() => securityGroupRules.create({ ...open, remote_address_group_id: groups.id }), { status: 201, body: one('security_group_rule', bornRule) });
      // A change of a group's rules is a change of the group.
      expect((await securityGroups.revisions({ project_id })).get(id)).toBeGreaterThan(before);
      await answers(() => securityGroupRules.delete(first.id), { status: 204 });
      await refuses(() => securityGroupRules.delete(first.id), { status: 404, body: neutronError('SecurityGroupRuleNotFound', /^Security group rule .* does not exist$/), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' });
      await answers(() => securityGroups.delete(id), { status: 204 });
      await refuses(() => securityGroups.delete(id), { status: 404, body: neutronError('SecurityGroupNotFound', /does not exist$/), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' });
      await answers(() => stranger.network.addressGroups.delete(groups.id), { status: 204 });
    });

    /** An address group, changed in every way. */
    async function addressed(): Promise<{ readonly id: string }> {
      const { addressGroups } = (await suite.cloud('stranger')).network;
      const project_id = await suite.projectId('stranger');
      const made = await answers(() => addressGroups.create({ name: 'contract-ag', description: 'd', addresses: ['10.1.0.0/16'] }), { status: 201, body: one('address_group', addressGroup) });
      await answers(() => addressGroups.update(made.id, { description: 'e' }), { status: 200, body: one('address_group', addressGroup) });
      await answers(() => addressGroups.addAddresses(made.id, ['10.2.0.0/16']), { status: 200, body: one('address_group', changedAddressGroup) });
      await answers(() => addressGroups.removeAddresses(made.id, ['10.1.0.0/16']), { status: 200, body: one('address_group', changedAddressGroup) });
      const found = await answers(() => addressGroups.list({ name: 'contract-ag', project_id }), { status: 200, body: page('address_groups', addressGroup) });
      expect(found.map((g) => [g.id, g.addresses])).toEqual([[made.id, ['10.2.0.0/16']]]);
      return made;
    }

    it('what else is asked of a network', async () => {
      const [service, stranger] = [await suite.cloud('service'), await suite.cloud('stranger')];
      await answers(async () => service.network.ports.list({ project_id: await suite.projectId('stranger') }), { status: 200, body: page('ports', adminPort) });
      // The lab's Neutron has no routers.
      await refuses(async () => stranger.network.floatingIps.list({ project_id: await suite.projectId('stranger') }), { status: 404, body: neutronError('HTTPNotFound', /^The resource could not be found\.$/), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' });
    });

    it('images: read from a byte on, lent to another project, found by their marks', async () => {
      const [stranger, tenant] = [await suite.cloud('stranger'), await suite.cloud('tenant')];
      const [owner, borrower] = [await suite.projectId('stranger'), await suite.projectId('tenant')];
      const { image } = stranger;
      const made = await image.create({ name: 'contract-i', container_format: 'bare', disk_format: 'raw', visibility: 'shared', os_hidden: false, protected: false, tags: [], godwit_clone_job: 'j', godwit_origin: 'o', godwit_origin_site: 's' });
      const { id } = made;
      await image.upload(id, Buffer.from('0123456789'));
      for (const query of [{ godwit_clone_job: 'j' }, { godwit_origin: 'o' }, { owner, status: 'active', name: 'contract-i' }]) expect((await image.list(query)).map((i) => i.id)).toEqual([id]);
      let read = '';
      await answers(async () => {
        const { stream } = await image.download(id, { from: 4 });
        for await (const chunk of stream as AsyncIterable<Buffer>) read += chunk.toString();
      }, { status: 206, headers: { 'content-range': /^bytes 4-9\/10$/, 'content-length': /^6$/ }, bytes: true });
      expect(read).toBe('456789');
      await refuses(() => tenant.image.get(id), { status: 404, body: webobError('404 Not Found', /^No image found with ID /), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' });
      expect(await answers(() => image.members.add(id, borrower), { status: 200, body: member })).toMatchObject({ member_id: borrower, status: 'pending' });
      await refuses(() => image.members.add(id, borrower), { status: 409, body: webobError('409 Conflict', /^Member [0-9a-f]{32} is duplicated for image [0-9a-f-]{36}/), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      expect(await answers(() => tenant.image.members.setStatus(id, borrower, 'accepted'), { status: 200, body: member })).toMatchObject({ status: 'accepted' });
      expect((await answers(() => image.members.list(id), { status: 200, body: z.strictObject({ members: z.array(member), schema: is('/v2/schemas/members') }) })).map((m) => m.status)).toEqual(['accepted']);
      expect((await tenant.image.get(id)).name).toBe('contract-i');
      await answers(() => image.members.remove(id, borrower), { status: 204 });
      await refuses(() => image.members.remove(id, borrower), { status: 404, body: webobError('404 Not Found', /not found in the member list of the image/), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' });
      expect(await answers(() => image.tasks(id), { status: 200, body: z.strictObject({ tasks: z.array(z.looseObject({})) }) })).toEqual([]);
      await image.delete(id);
    });

    it('imports: which ways there are; of what is not there, none', async () => {
      const { image } = await suite.cloud('stranger');
      const methods = await answers(() => image.importMethods(), { status: 200, body: z.strictObject({ 'import-methods': z.strictObject({ description: text, type: is('array'), value: z.array(text) }) }) });
      expect(methods).toEqual(expect.arrayContaining(['glance-direct', 'web-download', 'glance-download']));
      const gone = { status: 404, body: webobError('404 Not Found', /^No image found with ID /), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' } as const;
      await refuses(() => image.import(NO_UUID, { name: 'web-download', uri: 'http://127.0.0.1/x' }), gone);
      await refuses(() => image.import(NO_UUID, { name: 'glance-download', glance_region: 'nowhere', glance_image_id: NO_UUID, glance_service_interface: 'public' }), gone);
    });

    it('placement: providers, what they have, what is used of it', async () => {
      const service = await suite.cloud('service');
      const { resourceProviders } = service.placement;
      const provider = z.strictObject({ uuid, name: text, generation: z.int(), links: z.array(z.strictObject({ rel: text, href: text })), parent_provider_uuid: uuid.nullable(), root_provider_uuid: uuid });
      const all = await answers(() => resourceProviders.list(), { status: 200, body: list('resource_providers', provider) });
      const id = all[0]?.uuid ?? '';
      const inventory = z.strictObject({ total: z.int(), reserved: z.int(), min_unit: z.int(), max_unit: z.int(), step_size: z.int(), allocation_ratio: z.number() });
      const has = await answers(() => resourceProviders.inventories(id), { status: 200, body: z.strictObject({ inventories: z.strictObject({ VCPU: inventory, MEMORY_MB: inventory, DISK_GB: inventory }), resource_provider_generation: z.int() }) });
      expect(Object.keys(has).sort()).toEqual(['DISK_GB', 'MEMORY_MB', 'VCPU']);
      await answers(() => resourceProviders.usages(id), { status: 200, body: z.strictObject({ usages: z.strictObject({ VCPU: z.int(), MEMORY_MB: z.int(), DISK_GB: z.int() }), resource_provider_generation: z.int() }) });
    });

    it('a volume is given metadata', async () => {
      const { volumes } = (await suite.cloud('stranger')).volume;
      const { id } = await volumes.create({ name: 'contract-m', size: 1 });
      await passes(async () => (await volumes.get(id)).status, ['creating'], 'available');
      await answers(() => volumes.setMetadata(id, { godwit_group: 'g', godwit_point: 'p', godwit_epoch: '2', godwit_origin: 'o', godwit_replica: 'r' }), { status: 200, body: z.strictObject({ metadata: map }) });
      await refuses(() => volumes.setMetadata(NO_UUID, { a: 'b' }), itemGone(/^Volume 11111111-.* could not be found\.$/));
      await volumes.delete(id);
    });
  });
}
