import { badRequest, conflict, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bodyObject, flag, requiredText, stringMap, text, type CinderCall } from './common.ts';
import { list } from './list.ts';
import type { CinderState, Type } from './state.ts';

const reserved = 'default_cgsnapshot_type';

const view = (call: CinderCall, t: Type): Json => ({ id: t.id, name: t.name, description: t.description, is_public: t.isPublic, ...(call.token.admin ? { group_specs: t.specs } : {}) });

function findOne(call: CinderCall): Type {
  const id = call.params['id'] ?? '';
  const type = id === 'default' ? undefined : call.state.groupTypes.get(id);
  if (!type || !(type.isPublic || call.token.admin)) throw notFound(`Group type ${id} could not be found.`);
  return type;
}

function create(call: CinderCall): Answer {
  const { state, site } = call;
  const body = bodyObject(call, 'group_type');
  const name = requiredText(body, 'name');
  if ([...state.groupTypes.values()].some((t) => t.name === name)) throw conflict(`Group Type ${name} already exists.`);
  const type: Type = { id: site.random.uuid(), name, description: text(body, 'description') ?? null, isPublic: 'is_public' in body ? flag(body, 'is_public') : true, specs: stringMap(body, 'group_specs'), access: [] };
  state.groupTypes.set(type.id, type);
  return accepted({ group_type: view(call, type) });
}

function setSpecs(call: CinderCall): Answer {
  const type = findOne(call);
  const given = stringMap(call.body, 'group_specs');
  type.specs = { ...type.specs, ...given };
  return accepted({ group_specs: given });
}

function remove(call: CinderCall): Answer {
  const type = findOne(call);
  if ([...call.state.groups.values()].some((g) => g.typeId === type.id)) throw badRequest('Target group type is still in use. ' + `Group Type ${type.id} deletion is not allowed with groups present with the type.`);
  call.state.groupTypes.delete(type.id);
  return { status: 202 };
}

/** What consistency groups left behind: no group may have it. */
export const defaultGroupType = (id: string): Type => ({ id, name: reserved, description: 'Default group type for migrating cgsnapshot', isPublic: true, specs: { consistent_group_snapshot_enabled: '<is> True' }, access: [] });

export const isReserved = (type: Type): boolean => type.name === reserved;

const listTypes = (call: CinderCall): Answer =>
  list({ ...call, token: { ...call.token, projectId: undefined } } as CinderCall, { key: 'group_types', what: 'Group type', items: [...call.state.groupTypes.values()].filter((t) => t.isPublic || call.token.admin), view: (t) => view(call, t), createdAt: () => 0 });

export const groupTypeRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/group_types', since: 11, policy: 'any', handler: listTypes },
  { method: 'POST', path: '/group_types', since: 11, policy: 'admin', rule: 'group:group_types:create', handler: create },
  { method: 'GET', path: '/group_types/:id', since: 11, policy: 'any', handler: (call) => ok({ group_type: view(call, findOne(call)) }) },
  { method: 'PUT', path: '/group_types/:id', since: 11, policy: 'admin', rule: 'group:group_types:update', handler: (call) => {
    const type = findOne(call);
    const body = bodyObject(call, 'group_type');
    type.name = text(body, 'name') ?? type.name;
    type.description = text(body, 'description') ?? type.description;
    return ok({ group_type: view(call, type) });
  } },
  { method: 'DELETE', path: '/group_types/:id', since: 11, policy: 'admin', rule: 'group:group_types:delete', handler: remove },
  { method: 'GET', path: '/group_types/:id/group_specs', since: 11, policy: 'admin', rule: 'group:group_types_specs:get_all', handler: (call) => ok({ group_specs: findOne(call).specs }) },
  { method: 'POST', path: '/group_types/:id/group_specs', since: 11, policy: 'admin', rule: 'group:group_types_specs:create', handler: setSpecs },
];
