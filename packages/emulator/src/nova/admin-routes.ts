import { z } from 'zod';
import { ApiError, badRequest, notFound } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { type Json, noContent, ok, type Route } from '../http/service.ts';
import type { NCall } from './lookup.ts';
import { type ComputeService, defaultQuotas, type NovaState, quotaOf, type ServerGroup, usageOf } from './state.ts';
import { micros } from './views.ts';

/** service_down_time: so long after its last report a daemon counts as down. Divided by the speed, as all that takes time. */
const DOWN_AFTER_MS = 60_000;

export function isUp({ site }: Pick<NCall, 'site'>, service: ComputeService): boolean {
  if (service.forcedDown) return false;
  const since = site.daemonsDown.get(service.binary) ?? (service.binary === 'nova-compute' ? site.daemonsDown.get('hypervisor') : undefined);
  return since === undefined || site.clock.now() - since < DOWN_AFTER_MS / site.clock.speed;
}

const serviceView = (call: NCall, s: ComputeService): Json => ({
  binary: s.binary, host: s.host, id: call.micro >= 53 ? s.id : 1, zone: s.zone, status: s.disabled ? 'disabled' : 'enabled', state: isUp(call, s) ? 'up' : 'down',
  updated_at: micros(call.site.daemonsDown.get(s.binary) ?? call.site.now()), disabled_reason: s.reason,
  ...(call.micro >= 11 && { forced_down: s.forcedDown }),
});

const services: Route<NovaState>[] = [
  {
    method: 'GET', path: '/os-services', policy: ({ token }) => token.admin || token.roles.includes('service') || (token.system && token.reader), rule: 'os_compute_api:os-services:list',
    handler: (call) => ok({ services: [...call.state.services.values()].filter((s) => ['binary', 'host'].every((f) => !call.query.has(f) || call.query.get(f) === s[f as 'binary'])).map((s) => serviceView(call, s)) }),
  },
  {
    method: 'PUT', path: '/os-services/:id', since: 53, policy: 'admin', rule: 'os_compute_api:os-services:update',
    handler: (call) => {
      const service = call.state.services.get(call.params['id'] ?? '');
      if (!service) throw notFound(`Service ${call.params['id'] ?? ''} could not be found.`);
      const wanted = bodyOf(z.object({ status: z.enum(['enabled', 'disabled']).optional(), disabled_reason: z.string().optional(), forced_down: z.boolean().optional() }), call.body);
      if (wanted.status !== undefined) service.disabled = wanted.status === 'disabled';
      service.reason = service.disabled ? (wanted.disabled_reason ?? service.reason) : null;
      if (wanted.forced_down !== undefined) service.forcedDown = wanted.forced_down;
      return ok({ service: serviceView(call, service) });
    },
  },
];

const hypervisor = (call: NCall, detail: boolean): Json[] => {
  const service = [...call.state.services.values()].find((s) => s.binary === 'nova-compute');
  if (!service) return [];
  const base = { id: call.micro >= 53 ? call.state.hypervisorId : 1, hypervisor_hostname: call.site.name, state: isUp(call, service) ? 'up' : 'down', status: service.disabled ? 'disabled' : 'enabled' };
  if (!detail) return [base];
  const used = [...call.state.servers.values()].reduce((sum, s) => ({ vcpus: sum.vcpus + s.flavor.vcpus, ram: sum.ram + s.flavor.ram, n: sum.n + 1 }), { vcpus: 0, ram: 0, n: 0 });
  return [{
    ...base, hypervisor_type: 'QEMU', hypervisor_version: 10_000_013, host_ip: '127.0.0.1', service: { id: service.id, host: service.host, disabled_reason: service.reason },
    ...(call.micro >= 88 ? { uptime: ' 20:00:59 up 39 min,  0 users,  load average: 0.10, 0.10, 0.10\n' } : {
      vcpus: 1000, vcpus_used: used.vcpus, memory_mb: 4_000_000, memory_mb_used: used.ram, free_ram_mb: 4_000_000 - used.ram, local_gb: 1000, local_gb_used: 0, free_disk_gb: 1000, disk_available_least: 1000, running_vms: used.n, current_workload: 0, cpu_info: {},
    }),
  }];
};

const places: Route<NovaState>[] = [
  { method: 'GET', path: '/os-hypervisors', policy: 'admin', rule: 'os_compute_api:os-hypervisors:list', handler: (call) => ok({ hypervisors: hypervisor(call, false) }) },
  { method: 'GET', path: '/os-hypervisors/detail', policy: 'admin', rule: 'os_compute_api:os-hypervisors:list-detail', handler: (call) => ok({ hypervisors: hypervisor(call, true) }) },
  {
    method: 'GET', path: '/os-hypervisors/:id', policy: 'admin', rule: 'os_compute_api:os-hypervisors:show',
    handler: (call) => {
      const [found] = hypervisor(call, true);
      if (!found || String(found['id']) !== call.params['id']) throw notFound(`Hypervisor with ID '${call.params['id'] ?? ''}' could not be found.`);
      return ok({ hypervisor: found });
    },
  },
  { method: 'GET', path: '/os-availability-zone', handler: () => ok({ availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: null }] }) },
  {
    method: 'GET', path: '/os-availability-zone/detail', policy: 'admin', rule: 'os_compute_api:os-availability-zone:detail',
    handler: (call) => ok({ availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: { [call.site.host]: { 'nova-compute': { available: call.site.running('nova-compute'), active: true, updated_at: micros(call.site.now()) } } } }] }),
  },
  { method: 'GET', path: '/os-aggregates', policy: 'admin', rule: 'os_compute_api:os-aggregates:index', handler: () => ok({ aggregates: [] }) },
  { method: 'GET', path: '/extensions', handler: () => ok({ extensions: [] }) },
];

function quotaProject(call: NCall, verb: string): string {
  const id = call.params['project'] ?? '';
  if (!call.token.admin && id !== call.token.projectId) throw new ApiError(403, `Policy doesn't allow os_compute_api:os-quota-sets:${verb} to be performed.`);
  return id;
}

const quotas: Route<NovaState>[] = [
  { method: 'GET', path: '/os-quota-sets/:project', handler: (call) => ok({ quota_set: { id: quotaProject(call, 'show'), ...quotaOf(call.state, call.params['project'] ?? '') } }) },
  { method: 'GET', path: '/os-quota-sets/:project/defaults', policy: 'any', handler: (call) => ok({ quota_set: { id: call.params['project'], ...defaultQuotas } }) },
  {
    method: 'GET', path: '/os-quota-sets/:project/detail',
    handler: (call) => {
      const id = quotaProject(call, 'detail');
      const used: Record<string, number> = { ...usageOf(call.state, id), server_groups: [...call.state.groups.values()].filter((g) => g.projectId === id).length };
      return ok({ quota_set: { id, ...Object.fromEntries(Object.entries(quotaOf(call.state, id)).map(([name, limit]) => [name, { limit, in_use: used[name] ?? 0, reserved: 0 }])) } });
    },
  },
  {
    method: 'PUT', path: '/os-quota-sets/:project', policy: 'admin', rule: 'os_compute_api:os-quota-sets:update',
    handler: (call) => {
      const id = call.params['project'] ?? '';
      const { force: _force, ...limits } = bodyOf(z.object({ quota_set: z.record(z.string(), z.union([z.number(), z.string().transform(Number), z.boolean()])) }), call.body).quota_set;
      for (const [name, limit] of Object.entries(limits)) {
        if (!(name in defaultQuotas)) throw badRequest(`Invalid input for field/attribute quota_set. Additional properties are not allowed ('${name}' was unexpected)`);
        if (typeof limit !== 'number' || limit < -1) throw badRequest(`Quota limit ${String(limit)} for ${name} must be -1 or greater.`);
      }
      call.state.quotas.set(id, { ...call.state.quotas.get(id), ...(limits as Record<string, number>) });
      return ok({ quota_set: quotaOf(call.state, id) });
    },
  },
  { method: 'DELETE', path: '/os-quota-sets/:project', policy: 'admin', rule: 'os_compute_api:os-quota-sets:delete', handler: (call) => (call.state.quotas.delete(call.params['project'] ?? ''), { status: 202 }) },
  {
    method: 'GET', path: '/limits', policy: 'any',
    handler: (call) => {
      const id = call.token.admin ? (call.query.get('tenant_id') ?? call.token.projectId ?? '') : (call.token.projectId ?? '');
      const limit = quotaOf(call.state, id);
      const used = usageOf(call.state, id);
      return ok({ limits: { rate: [], absolute: {
        maxTotalInstances: limit['instances'], maxTotalCores: limit['cores'], maxTotalRAMSize: limit['ram'], maxServerMeta: limit['metadata_items'], maxTotalKeypairs: limit['key_pairs'],
        maxServerGroups: limit['server_groups'], maxServerGroupMembers: limit['server_group_members'], totalRAMUsed: used.ram, totalCoresUsed: used.cores, totalInstancesUsed: used.instances,
        totalServerGroupsUsed: [...call.state.groups.values()].filter((g) => g.projectId === id).length,
      } } });
    },
  },
];

const groupView = ({ micro, state }: NCall, g: ServerGroup): Json => ({
  id: g.id, name: g.name,
  ...(micro >= 64 ? { policy: g.policy, rules: g.rules } : { policies: [g.policy], metadata: {} }),
  members: [...state.servers.values()].filter((s) => s.groupId === g.id).map((s) => s.id),
  ...(micro >= 13 && { project_id: g.projectId, user_id: g.userId }),
});

function groupOf(call: NCall): ServerGroup {
  const id = call.params['id'] ?? '';
  const found = call.state.groups.get(id);
  if (!found || (found.projectId !== call.token.projectId && !call.token.admin)) throw notFound(`Instance group ${id} could not be found.`);
  return found;
}

const groupSchema = z.object({ server_group: z.object({ name: z.string().min(1), policy: z.string().optional(), policies: z.array(z.string()).optional(), rules: z.record(z.string(), z.unknown()).default({}) }) });

const groups: Route<NovaState>[] = [
  { method: 'GET', path: '/os-server-groups', handler: (call) => ok({ server_groups: [...call.state.groups.values()].filter((g) => g.projectId === call.token.projectId || (call.token.admin && call.query.has('all_projects'))).map((g) => groupView(call, g)) }) },
  { method: 'GET', path: '/os-server-groups/:id', handler: (call) => ok({ server_group: groupView(call, groupOf(call)) }) },
  {
    method: 'POST', path: '/os-server-groups', rule: 'os_compute_api:os-server-groups:create',
    handler: (call) => {
      const wanted = bodyOf(groupSchema, call.body).server_group;
      const policy = wanted.policy ?? wanted.policies?.[0];
      if (policy === undefined || !['anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity'].includes(policy)) throw badRequest(`Invalid input for field/attribute policy. Value: ${policy ?? 'None'}.`);
      const projectId = call.token.projectId ?? '';
      if ([...call.state.groups.values()].filter((g) => g.projectId === projectId).length >= (quotaOf(call.state, projectId)['server_groups'] ?? 10)) throw new ApiError(403, 'Quota exceeded, too many server groups.');
      const group: ServerGroup = { id: call.site.random.uuid(), name: wanted.name, policy, rules: wanted.rules, projectId, userId: call.token.userId };
      call.state.groups.set(group.id, group);
      return ok({ server_group: groupView(call, group) });
    },
  },
  { method: 'DELETE', path: '/os-server-groups/:id', rule: 'os_compute_api:os-server-groups:delete', handler: (call) => (call.state.groups.delete(groupOf(call).id), noContent) },
];

export const adminRoutes: readonly Route<NovaState>[] = [...services, ...places, ...quotas, ...groups];
