import { ApiError, badRequest, conflict, forbidden, notFound } from '../errors.ts';
import { accepted, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bodyObject, flag, requiredText, stringMap, text, type CinderCall } from './common.ts';
import { list } from './list.ts';
import type { CinderState, Type } from './state.ts';
import { typeNamed } from './volumes.ts';

const visibleSpecs = ['RESKEY:availability_zones', 'multiattach', 'replication_enabled'];

function view(call: CinderCall, t: Type): Json {
  const specs = call.token.admin ? t.specs : Object.fromEntries(Object.entries(t.specs).filter(([k]) => visibleSpecs.includes(k)));
  return { id: t.id, name: t.name, is_public: t.isPublic, description: t.description, extra_specs: specs, ...(call.token.admin ? { qos_specs_id: null } : {}), 'os-volume-type-access:is_public': t.isPublic };
}

const may = (call: CinderCall, t: Type): boolean => t.isPublic || call.token.admin || t.access.includes(call.token.projectId ?? '');

function findOne(call: CinderCall): Type {
  const id = call.params['id'] ?? '';
  const type = call.state.types.get(id);
  if (!type || !may(call, type)) throw notFound(`Volume type ${id} could not be found.`);
  return type;
}

function create(call: CinderCall): Answer {
  const { state, site } = call;
  const body = bodyObject(call, 'volume_type');
  const name = requiredText(body, 'name');
  if ([...state.types.values()].some((t) => t.name === name)) throw conflict(`Volume Type ${name} already exists.`);
  const isPublic = 'os-volume-type-access:is_public' in body ? flag(body, 'os-volume-type-access:is_public') : true;
  const type: Type = { id: site.random.uuid(), name, description: text(body, 'description') ?? null, isPublic, specs: stringMap(body, 'extra_specs'), access: [] };
  state.types.set(type.id, type);
  return ok({ volume_type: view(call, type) });
}

function remove(call: CinderCall): Answer {
  const type = findOne(call);
  if ([...call.state.volumes.values()].some((v) => v.typeId === type.id)) throw badRequest('Target volume type is still in use.');
  call.state.types.delete(type.id);
  return { status: 202 };
}

function access(call: CinderCall): Answer {
  const type = findOne(call);
  if (!call.token.admin) throw forbidden("Policy doesn't allow volume_extension:volume_type_access:addProjectAccess to be performed.");
  for (const [action, add] of [['addProjectAccess', true], ['removeProjectAccess', false]] as const) {
    if (!(action in call.body)) continue;
    const project = requiredText(bodyObject(call, action), 'project');
    const at = type.access.indexOf(project);
    if (add && type.isPublic) throw conflict('Type access modification is not applicable to public volume type.');
    if (add && at >= 0) throw conflict(`Volume type access for ${type.id} / ${project} combination already exists.`);
    if (!add && at < 0) throw notFound(`Volume type access not found for ${type.id} / ${project} combination.`);
    if (add) type.access.push(project);
    else type.access.splice(at, 1);
    return { status: 202 };
  }
  throw badRequest('There is no such action');
}

function spec(call: CinderCall): { type: Type; key: string } {
  const type = findOne(call);
  const key = call.params['key'] ?? '';
  if (type.specs[key] === undefined) throw notFound(`Volume Type ${type.id} has no extra specs with key ${key}.`);
  return { type, key };
}

const without = (specs: Readonly<Record<string, string>>, key: string): Record<string, string> => Object.fromEntries(Object.entries(specs).filter(([k]) => k !== key));

const listTypes = (call: CinderCall): Answer =>
  // The newest first; those that the site was born with have one age.
  list({ ...call, token: { ...call.token, projectId: undefined } } as CinderCall, { key: 'volume_types', what: 'Volume type', items: [...call.state.types.values()].filter((t) => may(call, t)).reverse(), view: (t) => view(call, t), createdAt: () => 0 });

export const typeRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/types', policy: 'any', handler: listTypes },
  { method: 'POST', path: '/types', policy: 'admin', rule: 'volume_extension:type_create', handler: create },
  { method: 'GET', path: '/types/default', policy: 'any', handler: (call) => ok({ volume_type: view(call, typeNamed(call.state, [...call.state.types.values()][0]?.id ?? '')) }) },
  { method: 'GET', path: '/types/:id', policy: 'any', handler: (call) => ok({ volume_type: view(call, findOne(call)) }) },
  { method: 'PUT', path: '/types/:id', policy: 'admin', rule: 'volume_extension:type_update', handler: (call) => {
    const type = findOne(call);
    const body = bodyObject(call, 'volume_type');
    type.name = text(body, 'name') ?? type.name;
    type.description = text(body, 'description') ?? type.description;
    if ('is_public' in body) type.isPublic = flag(body, 'is_public');
    return ok({ volume_type: view(call, type) });
  } },
  { method: 'DELETE', path: '/types/:id', policy: 'admin', rule: 'volume_extension:type_delete', handler: remove },
  { method: 'POST', path: '/types/:id/action', policy: 'any', handler: access },
  { method: 'GET', path: '/types/:id/os-volume-type-access', policy: 'admin', handler: (call) => {
    const type = findOne(call);
    if (type.isPublic) throw new ApiError(404, 'Access list not available for public volume types.');
    return ok({ volume_type_access: type.access.map((p) => ({ volume_type_id: type.id, project_id: p })) });
  } },
  { method: 'GET', path: '/types/:id/extra_specs', policy: 'any', handler: (call) => ok({ extra_specs: (view(call, findOne(call)) as { extra_specs: Json }).extra_specs }) },
  { method: 'POST', path: '/types/:id/extra_specs', policy: 'admin', rule: 'volume_extension:types_extra_specs:create', handler: (call) => {
    const type = findOne(call);
    const given = stringMap(call.body, 'extra_specs');
    type.specs = { ...type.specs, ...given };
    return ok({ extra_specs: given });
  } },
  { method: 'DELETE', path: '/types/:id/extra_specs/:key', policy: 'admin', rule: 'volume_extension:types_extra_specs:delete', handler: (call) => {
    const { type, key } = spec(call);
    type.specs = without(type.specs, key);
    return accepted();
  } },
];
