import { created, noContent, ok, type Json, type Route } from '../http/service.ts';
import { bodyOf, fault, mine, projectFor, stamp, text, type NeutronCall } from './common.ts';
import { list } from './list.ts';
import type { AddressGroup, NeutronState } from './state.ts';

const fields = ['id', 'name', 'description', 'project_id', 'tenant_id', 'addresses', 'shared', 'created_at', 'updated_at', 'revision_number'];

const view = (g: AddressGroup): Json => ({ id: g.id, name: g.name, description: g.description, project_id: g.projectId, tenant_id: g.projectId, addresses: g.addresses, created_at: stamp(g.createdAt), updated_at: stamp(g.updatedAt), revision_number: g.revision });

function findOne(call: NeutronCall): AddressGroup {
  const found = call.state.addressGroups.get(call.params['id'] ?? '');
  if (!found || !mine(call, found.projectId)) throw fault(404, 'AddressGroupNotFound', `Address group ${call.params['id'] ?? ''} could not be found.`);
  return found;
}

const addressesOf = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]).map((a) => (a.includes('/') ? a : `${a}/${a.includes(':') ? '128' : '32'}`)) : []);

function change(call: NeutronCall, edit: (now: string[], given: string[]) => string[]) {
  const group = findOne(call);
  group.addresses = edit(group.addresses, addressesOf(call.body['addresses']));
  group.revision += 1;
  group.updatedAt = call.site.now();
  // Answers to these two pass by the policy's filter of fields.
  return ok({ address_group: { ...view(group), shared: false, standard_attr_id: 1 } });
}

export const addressGroupRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/address-groups', policy: 'any', handler: (call) => list(call, 'address_groups', [...call.state.addressGroups.values()].filter((g) => mine(call, g.projectId)).map(view), fields) },
  { method: 'POST', path: '/address-groups', rule: 'create_address_group', handler: (call) => {
    const body = bodyOf(call, 'address_group', fields);
    const now = call.site.now();
    const group: AddressGroup = { id: call.site.random.uuid(), projectId: projectFor(call, body), name: text(body, 'name', ''), description: text(body, 'description', ''), createdAt: now, updatedAt: now, revision: 1, tags: [], addresses: addressesOf(body['addresses']) };
    call.state.addressGroups.set(group.id, group);
    return created({ address_group: view(group) });
  } },
  { method: 'GET', path: '/address-groups/:id', policy: 'any', handler: (call) => ok({ address_group: view(findOne(call)) }) },
  { method: 'PUT', path: '/address-groups/:id', rule: 'update_address_group', handler: (call) => {
    const group = findOne(call);
    const body = bodyOf(call, 'address_group', fields);
    group.name = text(body, 'name', group.name);
    group.description = text(body, 'description', group.description ?? '');
    group.revision += 1;
    group.updatedAt = call.site.now();
    return ok({ address_group: view(group) });
  } },
  { method: 'PUT', path: '/address-groups/:id/add_addresses', rule: 'update_address_group', handler: (call) => change(call, (now, given) => [...new Set([...now, ...given])]) },
  { method: 'PUT', path: '/address-groups/:id/remove_addresses', rule: 'update_address_group', handler: (call) => change(call, (now, given) => now.filter((a) => !given.includes(a))) },
  { method: 'DELETE', path: '/address-groups/:id', rule: 'delete_address_group', handler: (call) => {
    const { id } = findOne(call);
    for (const g of call.state.securityGroups.values()) {
      for (const r of g.rules.values()) if (r.remoteAddressGroup === id) throw fault(409, 'AddressGroupInUse', `Address group ${id} is in use on one or more security group rules.`);
    }
    call.state.addressGroups.delete(id);
    return noContent;
  } },
];
