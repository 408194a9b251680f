import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { neutronError, text } from '../src/shapes/base.ts';
import { adminNetwork, adminPort, network as networkShape, port, quota, securityGroup, subnet } from '../src/shapes/network.ts';
import { answers, NO_UUID, raw, refuses, type Suite } from '../src/suite.ts';

const one = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: shape });
/** The client asks for pages, so Neutron names the pages beside. */
const page = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: z.array(shape), [`${key}_links`]: z.array(z.strictObject({ rel: z.literal(['next', 'previous']), href: text })) });

const gone = (type: string, message: RegExp) => ({ status: 404, body: neutronError(type, message), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' }) as const;
const bad = (type: string, message: RegExp) => ({ status: 400, body: neutronError(type, message), code: 'OS_BAD_REQUEST', godwit: 'GW_SITE_REFUSED' }) as const;
const taken = (type: string, message: RegExp) => ({ status: 409, body: neutronError(type, message), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' }) as const;
const forbidden = (type: string, message: RegExp) => ({ status: 403, body: neutronError(type, message), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' }) as const;

export function network(suite: Suite): void {
  describe('network', () => {
    it('networks: listed by name, shown; provider fields only to an administrator; a foreign one is not there', async () => {
      const [godwit, tenant, stranger, service] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('service')];
      const [net] = await answers(() => godwit.network.networks.list({ name: 'vnf-net' }), { status: 200, body: page('networks', adminNetwork) });
      expect(net?.name).toBe('vnf-net');
      const { id } = net!;
      await answers(() => service.network.networks.list(), { status: 200, body: page('networks', adminNetwork) });
      expect(await answers(() => godwit.network.networks.list({ name: 'nothing' }), { status: 200, body: page('networks', adminNetwork) })).toEqual([]);
      await answers(() => godwit.network.networks.get(id), { status: 200, body: one('network', adminNetwork) });
      await answers(() => tenant.network.networks.get(id), { status: 200, body: one('network', networkShape) });
      await refuses(() => godwit.network.networks.get(NO_UUID), gone('NetworkNotFound', /^Network 11111111-.* could not be found\.$/));
      await refuses(() => stranger.network.networks.get(id), gone('NetworkNotFound', /^Network .* could not be found\.$/));
    });

    it('subnets and security groups: listed, shown, not found', async () => {
      const godwit = await suite.cloud('godwit');
      const [net] = await godwit.network.networks.list({ name: 'vnf-net' });
      const [sub] = await answers(() => godwit.network.subnets.list({ network_id: net!.id }), { status: 200, body: page('subnets', subnet) });
      expect(sub?.cidr).toBe('192.168.50.0/24');
      await answers(() => godwit.network.subnets.get(sub!.id), { status: 200, body: one('subnet', subnet) });
      await refuses(() => godwit.network.subnets.get(NO_UUID), gone('SubnetNotFound', /^Subnet 11111111-.* could not be found\.$/));
      const project = await suite.projectId('tenant');
      const [group] = await answers(() => godwit.network.securityGroups.list({ project_id: project }), { status: 200, body: page('security_groups', securityGroup) });
      expect(group?.name).toBe('default');
      expect(group?.security_group_rules.map((r) => `${r.direction} ${r.ethertype ?? ''} ${r.remote_group_id ? 'from itself' : 'any'}`).sort()).toEqual(['egress IPv4 any', 'egress IPv6 any', 'ingress IPv4 from itself', 'ingress IPv6 from itself']);
      await answers(() => godwit.network.securityGroups.list(), { status: 200, body: page('security_groups', securityGroup) });
      await answers(() => godwit.network.securityGroups.get(group!.id), { status: 200, body: one('security_group', securityGroup) });
      await refuses(() => godwit.network.securityGroups.get(NO_UUID), gone('SecurityGroupNotFound', /^Security group 11111111-.* does not exist$/));
    });

    it('ports: made with MAC, address and description, found by each, deleted', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const [net] = await godwit.network.networks.list({ name: 'vnf-net' });
      const [sub] = await godwit.network.subnets.list({ network_id: net!.id });
      const [group] = await godwit.network.securityGroups.list({ project_id: await suite.projectId('tenant') });
      const address = { mac_address: 'fa:16:3e:77:00:01', ip_address: '192.168.50.77' };
      const made = await answers(
        () => godwit.network.ports.create({
          network_id: net!.id, name: 'contract', description: 'godwit contract epoch 2', mac_address: address.mac_address, fixed_ips: [{ ip_address: address.ip_address, subnet_id: sub!.id }],
          security_groups: [group!.id], allowed_address_pairs: [{ ip_address: '192.168.50.78', mac_address: address.mac_address }],
        }),
        { status: 201, body: one('port', adminPort) },
      );
      expect(made).toMatchObject({ status: 'DOWN', device_id: '', device_owner: '', mac_address: address.mac_address, fixed_ips: [{ ip_address: address.ip_address, subnet_id: sub!.id }], 'binding:vif_type': 'unbound', 'binding:host_id': '' });
      const open = await answers(() => godwit.network.ports.create({ network_id: net!.id, name: 'contract', port_security_enabled: false, security_groups: [] }), { status: 201, body: one('port', adminPort) });
      expect(open.security_groups).toEqual([]);
      const plain = await answers(() => tenant.network.ports.create({ network_id: net!.id, name: 'contract' }), { status: 201, body: one('port', port) });
      expect(plain.security_groups).toEqual([group!.id]);
      expect(plain.mac_address).toMatch(/^fa:16:3e:/);
      const ids = async (query: Record<string, string>): Promise<string[]> => (await answers(() => godwit.network.ports.list(query), { status: 200, body: page('ports', adminPort) })).map((p) => p.id);
      expect(await ids({ network_id: net!.id, mac_address: address.mac_address })).toEqual([made.id]);
      expect(await ids({ description: 'godwit contract epoch 2' })).toEqual([made.id]);
      expect(await ids({ device_id: NO_UUID })).toEqual([]);
      expect(await ids({ network_id: net!.id })).toEqual(expect.arrayContaining([made.id, open.id, plain.id]));
      const paged: string[] = [];
      for await (const p of godwit.network.ports.iterate({ network_id: net!.id, limit: 1 })) paged.push(p.id);
      expect(paged).toEqual(expect.arrayContaining([made.id, open.id, plain.id]));
      expect(new Set(paged).size).toBe(paged.length);

      const again = (over: Record<string, unknown>) => () => godwit.network.ports.create({ network_id: net!.id, ...over });
      await refuses(again({ mac_address: address.mac_address }), taken('MacAddressInUse', /^Unable to complete operation for network .*\. The mac address fa:16:3e:77:00:01 is in use\.$/));
      await refuses(again({ fixed_ips: [{ ip_address: address.ip_address, subnet_id: sub!.id }] }), taken('IpAddressAlreadyAllocated', /^IP address 192\.168\.50\.77 already allocated in subnet /));
      await refuses(again({ fixed_ips: [{ ip_address: '10.0.0.1', subnet_id: sub!.id }] }), bad('InvalidIpForSubnet', /^IP address 10\.0\.0\.1 is not a valid IP for the specified subnet\.$/));
      await refuses(again({ fixed_ips: [{ ip_address: '192.168.50.79', subnet_id: '' }] }), bad('HTTPBadRequest', /^Invalid input for fixed_ips\. Reason: '' is not a valid UUID\.$/));
      await refuses(again({ network_id: NO_UUID }), gone('NetworkNotFound', /could not be found/));
      await refuses(again({ security_groups: [NO_UUID] }), gone('SecurityGroupNotFound', /does not exist/));
      await refuses(again({ mac_address: 'xyz' }), bad('HTTPBadRequest', /^Invalid input for mac_address\./));
      await refuses(again({ colour: 'red' }), bad('HTTPBadRequest', /^Unrecognized attribute\(s\) 'colour'$/));
      await refuses(again({ port_security_enabled: false, security_groups: [group!.id] }), bad('PortSecurityAndIPRequiredForSecurityGroups', /^Port security must be enabled/));
      const [auditor, stranger] = [await suite.cloud('auditor'), await suite.cloud('stranger')];
      await refuses(() => auditor.network.ports.create({ network_id: net!.id }), forbidden('PolicyNotAuthorized', /create_port.*is disallowed by policy/));
      await refuses(() => auditor.network.ports.delete(plain.id), forbidden('PolicyNotAuthorized', /delete_port.*is disallowed by policy/));
      await refuses(() => stranger.network.ports.create({ network_id: net!.id }), gone('NetworkNotFound', /could not be found/));
      await refuses(() => stranger.network.ports.delete(plain.id), gone('PortNotFound', /^Port .* could not be found\.$/));

      for (const { id } of [made, open, plain]) await answers(() => godwit.network.ports.delete(id), { status: 204 });
      await refuses(() => godwit.network.ports.delete(made.id), gone('PortNotFound', /^Port .* could not be found\.$/));
      await refuses(() => godwit.network.ports.get(made.id), gone('PortNotFound', /^Port .* could not be found\.$/));
    });

    it('quotas: shown with use, refused to others, and over them 409', async () => {
      const [godwit, tenant, stranger, admin] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('admin')];
      const [mine, other] = [await suite.projectId('tenant'), await suite.projectId('stranger')];
      const set = await answers(() => godwit.network.quota(mine), { status: 200, body: one('quota', quota) });
      expect(set['port']).toMatchObject({ limit: 500 });
      await answers(() => tenant.network.quota(mine), { status: 200, body: one('quota', quota) });
      await refuses(() => tenant.network.quota(other), forbidden('AdminRequired', /^User does not have admin privileges: Only admin is authorized to access quotas for another project\.$/));
      await refuses(() => tenant.network.setQuota(mine, { port: 1 }), forbidden('PolicyNotAuthorized', /update_quota.*is disallowed by policy/));
      await admin.network.setQuota(other, { network: 0 });
      try {
        await refuses(() => stranger.network.networks.create({ name: 'contract' }), { status: 409, body: neutronError('OverQuota', /^Quota exceeded for resources: \['network'\]\.$/), code: 'OS_OVER_LIMIT', godwit: 'GW_QUOTA' });
      } finally {
        await admin.network.setQuota(other, { network: 100 });
      }
    });

    it('refuses what is no token, no JSON, no path', async () => {
      const cloud = await suite.cloud('tenant');
      await raw(cloud, 'network', (url) => suite.target.send('GET', `${url}/networks`, { 'x-auth-token': 'gibberish' }), { status: 401, body: z.strictObject({ error: z.strictObject({ code: z.literal(401), title: z.literal('Unauthorized'), message: z.literal('The request you have made requires authentication.') }) }) });
      await raw(cloud, 'network', (url, token) => suite.target.send('POST', `${url}/ports`, { 'x-auth-token': token, 'content-type': 'application/json' }, '{"port":'), { status: 400, body: neutronError('HTTPBadRequest', /^Body contains invalid data$/) });
      await raw(cloud, 'network', (url, token) => suite.target.send('GET', `${url}/nothing`, { 'x-auth-token': token }), { status: 404, body: neutronError('HTTPNotFound', /^The resource could not be found\.$/) });
    });
  });
}
