import type { Site } from '../core/site.ts';
import { created, noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bad, bodyOf, checkFields, fault, flag, id, mine, projectFor, stamp, text, type NeutronCall } from './common.ts';
import { listMany, type ManyOptions } from './list-many.ts';
import { list, only } from './list.ts';
import { charge, count } from './quotas.ts';
import type { NeutronState, Rule, SecurityGroup } from './state.ts';

const fields = ['id', 'name', 'stateful', 'tenant_id', 'project_id', 'description', 'shared', 'security_group_rules', 'tags', 'created_at', 'updated_at', 'revision_number'];
const ruleFields = ['id', 'project_id', 'tenant_id', 'security_group_id', 'ethertype', 'direction', 'protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix', 'remote_address_group_id', 'normalized_cidr', 'remote_group_id', 'belongs_to_default_sg', 'description', 'created_at', 'updated_at', 'revision_number', 'tags'];

function ruleView(r: Rule, inDefault: boolean | null, inside = false): Json {
  return {
    id: r.id, project_id: r.projectId, tenant_id: r.projectId, security_group_id: r.groupId, ethertype: r.ethertype, direction: r.direction, protocol: r.protocol, port_range_min: r.min, port_range_max: r.max, remote_ip_prefix: r.remotePrefix,
    remote_address_group_id: r.remoteAddressGroup, normalized_cidr: r.remotePrefix, remote_group_id: r.remoteGroup, ...(inside ? { standard_attr_id: 9 } : {}), belongs_to_default_sg: inDefault, description: r.description, ...(inside ? { tags: [] } : {}),
    created_at: stamp(r.createdAt), updated_at: stamp(r.createdAt), revision_number: 0,
  };
}

const view = (g: SecurityGroup): Json => ({
  id: g.id, name: g.name, stateful: g.stateful, tenant_id: g.projectId, description: g.description, shared: false, security_group_rules: [...g.rules.values()].map((r) => ruleView(r, g.name === 'default', true)), tags: g.tags,
  created_at: stamp(g.createdAt), updated_at: stamp(g.updatedAt), revision_number: g.revision, project_id: g.projectId,
});

const brief: ManyOptions<SecurityGroup>['brief'] = { id: (g) => g.id, name: (g) => g.name, project_id: (g) => g.projectId, tenant_id: (g) => g.projectId, revision_number: (g) => g.revision };

function makeGroup(site: Site, state: NeutronState, projectId: string, name: string, description: string): SecurityGroup {
  const now = site.now();
  const group: SecurityGroup = { id: site.random.uuid(), projectId, name, description, createdAt: now, updatedAt: now, revision: 1, tags: [], stateful: true, rules: new Map() };
  const open = (direction: string, ethertype: string, remoteGroup: string | null): void => {
    const rule: Rule = { id: site.random.uuid(), projectId, groupId: group.id, direction, ethertype, protocol: null, min: null, max: null, remotePrefix: null, remoteGroup, remoteAddressGroup: null, description: null, createdAt: now };
    group.rules.set(rule.id, rule);
    count(state, projectId, 'security_group_rule', 1);
  };
  for (const ethertype of ['IPv4', 'IPv6']) {
    open('egress', ethertype, null);
    if (name === 'default') open('ingress', ethertype, group.id);
  }
  state.securityGroups.set(group.id, group);
  return group;
}

/** Every project has one, from the first time that something needs it. */
export function ensureDefaultGroup(site: Site, state: NeutronState, projectId: string): SecurityGroup {
  for (const g of state.securityGroups.values()) if (g.projectId === projectId && g.name === 'default') return g;
  count(state, projectId, 'security_group', 1);
  return makeGroup(site, state, projectId, 'default', 'Default security group');
}

/** @throws ApiError 404 */
export function findGroup(call: NeutronCall, wanted: string): SecurityGroup {
  const group = call.state.securityGroups.get(wanted);
  if (!group || !mine(call, group.projectId)) throw fault(404, 'SecurityGroupNotFound', `Security group ${wanted} does not exist`);
  return group;
}

function listGroups(call: NeutronCall): Answer {
  ensureDefaultGroup(call.site, call.state, call.token.projectId ?? '');
  return listMany(call, call.state.securityGroups, { plural: 'security_groups', known: fields, sees: (g) => mine(call, g.projectId), view, brief });
}

function create(call: NeutronCall): Answer {
  const { state, site } = call;
  const body = bodyOf(call, 'security_group', fields);
  const projectId = projectFor(call, body);
  ensureDefaultGroup(site, state, projectId);
  const name = text(body, 'name', '');
  if (name === 'default') throw fault(409, 'SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
  charge(state, projectId, 'security_group');
  const group = makeGroup(site, state, projectId, name, text(body, 'description', ''));
  group.stateful = flag(body, 'stateful', true);
  return created({ security_group: view(group) });
}

function update(call: NeutronCall): Answer {
  const group = findGroup(call, call.params['id'] ?? '');
  const body = bodyOf(call, 'security_group', fields);
  if (group.name === 'default' && 'name' in body && body['name'] !== 'default') throw fault(409, 'SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.');
  group.name = text(body, 'name', group.name);
  group.description = text(body, 'description', group.description ?? '');
  group.updatedAt = call.site.now();
  group.revision += 1;
  return ok({ security_group: view(group) });
}

function remove(call: NeutronCall): Answer {
  const { state } = call;
  const group = findGroup(call, call.params['id'] ?? '');
  if (group.name === 'default' && !(call.token.admin && group.projectId !== call.token.projectId)) throw fault(409, 'SecurityGroupCannotRemoveDefault', 'Insufficient rights for removing default security group.');
  if ([...state.ports.values()].some((p) => p.securityGroups.includes(group.id))) throw fault(409, 'SecurityGroupInUse', `Security Group ${group.id} in use.`);
  count(state, group.projectId, 'security_group_rule', -group.rules.size);
  count(state, group.projectId, 'security_group', -1);
  state.securityGroups.delete(group.id);
  return noContent;
}

const allRules = (call: NeutronCall): { rule: Rule; group: SecurityGroup }[] => [...call.state.securityGroups.values()].filter((g) => mine(call, g.projectId)).flatMap((group) => [...group.rules.values()].map((rule) => ({ rule, group })));

function findRule(call: NeutronCall): { rule: Rule; group: SecurityGroup } {
  const wanted = call.params['id'] ?? '';
  const found = allRules(call).find(({ rule }) => rule.id === wanted);
  if (!found) throw fault(404, 'SecurityGroupRuleNotFound', `Security group rule ${wanted} does not exist`);
  return found;
}

const protocols: Readonly<Record<string, string>> = { 6: 'tcp', 17: 'udp', 1: 'icmp' };
const port = (value: unknown): number | null => (value === undefined || value === null ? null : Number(value));
const orNull = (body: Json, field: string): string | null => (body[field] === undefined || body[field] === null || body[field] === '' ? null : String(body[field]));

function makeRule(call: NeutronCall, body: Json): Rule {
  const { state, site } = call;
  const group = findGroup(call, id('security_group_id', body['security_group_id']));
  const direction = text(body, 'direction', '');
  if (!['ingress', 'egress'].includes(direction)) throw bad(`Invalid input for direction. Reason: '${direction}' is not in ['ingress', 'egress'].`);
  const protocol = orNull(body, 'protocol')?.toLowerCase() ?? null;
  const [min, max] = [port(body['port_range_min']), port(body['port_range_max'])];
  if (min !== null && max !== null && min > max && protocol !== 'icmp') throw fault(400, 'SecurityGroupInvalidPortRange', 'For TCP/UDP protocols, port_range_min must be <= port_range_max');
  if ((min !== null || max !== null) && (protocol === null || protocol === 'any')) throw fault(400, 'SecurityGroupProtocolRequiredWithPorts', 'Must also specify protocol if port range is given.');
  const remoteGroup = orNull(body, 'remote_group_id');
  const remotePrefix = orNull(body, 'remote_ip_prefix');
  if (remoteGroup !== null && remotePrefix !== null) throw fault(400, 'SecurityGroupMultipleRemoteEntites', 'Only one of remote_group_id, remote_address_group_id and remote_ip_prefix may be specified.');
  if (remoteGroup !== null) findGroup(call, remoteGroup);
  const rule: Rule = {
    id: site.random.uuid(), projectId: group.projectId, groupId: group.id, direction, ethertype: text(body, 'ethertype', remotePrefix?.includes(':') === true ? 'IPv6' : 'IPv4'), protocol: protocol === null || protocol === 'any' ? null : (protocols[protocol] ?? protocol),
    min, max, remotePrefix, remoteGroup, remoteAddressGroup: orNull(body, 'remote_address_group_id'), description: text(body, 'description', ''), createdAt: site.now(),
  };
  const same = [...group.rules.values()].find((r) => (['direction', 'ethertype', 'protocol', 'min', 'max', 'remotePrefix', 'remoteGroup', 'remoteAddressGroup'] as const).every((k) => r[k] === rule[k]));
  if (same) throw fault(409, 'SecurityGroupRuleExists', `Security group rule already exists. Rule id is ${same.id}.`);
  charge(state, group.projectId, 'security_group_rule');
  group.rules.set(rule.id, rule);
  group.revision += 1;
  return rule;
}

function createRule(call: NeutronCall): Answer {
  const many = call.body['security_group_rules'];
  if (Array.isArray(many)) {
    for (const one of many as Json[]) checkFields(one, ruleFields);
    return created({ security_group_rules: (many as Json[]).map((one) => ruleView(makeRule(call, one), false)) });
  }
  return created({ security_group_rule: ruleView(makeRule(call, bodyOf(call, 'security_group_rule', ruleFields)), false) });
}

function removeRule(call: NeutronCall): Answer {
  const { rule, group } = findRule(call);
  group.rules.delete(rule.id);
  group.revision += 1;
  count(call.state, group.projectId, 'security_group_rule', -1);
  return noContent;
}

export const securityGroupRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/security-groups', policy: 'any', handler: listGroups },
  { method: 'POST', path: '/security-groups', rule: 'create_security_group', handler: create },
  { method: 'GET', path: '/security-groups/:id', policy: 'any', handler: (call) => ok({ security_group: only(view(findGroup(call, call.params['id'] ?? '')), call.query) }) },
  { method: 'PUT', path: '/security-groups/:id', rule: 'update_security_group', handler: update },
  { method: 'DELETE', path: '/security-groups/:id', rule: 'delete_security_group', handler: remove },
  { method: 'GET', path: '/security-group-rules', policy: 'any', handler: (call) => list(call, 'security_group_rules', allRules(call).map(({ rule, group }) => ruleView(rule, group.name === 'default')), ruleFields) },
  { method: 'POST', path: '/security-group-rules', rule: 'create_security_group_rule', handler: createRule },
  { method: 'GET', path: '/security-group-rules/:id', policy: 'any', handler: (call) => ok({ security_group_rule: ruleView(findRule(call).rule, false) }) },
  { method: 'DELETE', path: '/security-group-rules/:id', rule: 'delete_security_group_rule', handler: removeRule },
];
