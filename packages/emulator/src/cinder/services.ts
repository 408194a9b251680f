import { badRequest, forbidden, notFound } from '../errors.ts';
import { ok, type Answer, type Json, type Route } from '../http/service.ts';
import { isUp } from './backup-service.ts';
import { bodyObject, requiredText, stamp, text, type CinderCall } from './common.ts';
import { isQuotaResource, limitsOf, usageOf } from './quota.ts';
import { cephFsid } from './rbd-state.ts';
import type { CinderState, Service } from './state.ts';

function serviceView(call: CinderCall, s: Service): Json {
  const volume = s.binary === 'cinder-volume';
  const beat = s.deadSince ?? call.site.now();
  return {
    binary: s.binary, host: s.host, zone: s.zone, status: s.disabled ? 'disabled' : 'enabled', state: isUp(call.site, s) ? 'up' : 'down', updated_at: stamp(beat),
    ...(volume && call.micro >= 49 ? { backend_state: s.deadSince === undefined ? 'up' : 'down' } : {}),
    ...(call.micro >= 7 ? { cluster: null } : {}),
    disabled_reason: s.disabledReason,
    ...(volume ? { replication_status: 'disabled', active_backend_id: null, frozen: false } : {}),
  };
}

function listServices(call: CinderCall): Answer {
  const [binary, host] = [call.query.get('binary'), call.query.get('host')];
  const shown = call.state.services.filter((s) => (binary === null || s.binary === binary) && (host === null || s.host === host || s.host.startsWith(`${host}@`)));
  return ok({ services: shown.map((s) => serviceView(call, s)) });
}

function switchService(call: CinderCall): Answer {
  const action = call.params['action'] ?? '';
  const host = requiredText(call.body, 'host');
  const binary = text(call.body, 'binary') ?? text(call.body, 'service');
  const service = call.state.services.find((s) => s.host === host && (binary === undefined || s.binary === binary));
  if (!service) throw notFound(`Service ${binary ?? ''} could not be found on host ${host}.`);
  if (!['enable', 'disable', 'disable-log-reason'].includes(action)) throw badRequest('Unknown action');
  service.disabled = action !== 'enable';
  service.disabledReason = action === 'disable-log-reason' ? (text(call.body, 'disabled_reason') ?? null) : null;
  return ok({ host, service: service.binary, binary: service.binary, disabled: service.disabled, status: service.disabled ? 'disabled' : 'enabled', disabled_reason: service.disabledReason });
}

function showQuota(call: CinderCall): Answer {
  const { state, token } = call;
  const project = call.params['project'] ?? '';
  if (!token.admin && project !== token.projectId) throw forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.");
  const limits = limitsOf(state, project);
  if (!/^(true|1)$/i.test(call.query.get('usage') ?? '')) return ok({ quota_set: { ...limits, id: project } });
  const used = usageOf(state, project);
  return ok({ quota_set: { ...Object.fromEntries(Object.entries(limits).map(([key, limit]) => [key, { limit, in_use: used[key] ?? 0, reserved: 0 }])), id: project } });
}

function setQuota(call: CinderCall): Answer {
  const { state } = call;
  const project = call.params['project'] ?? '';
  const body = bodyObject(call, 'quota_set');
  const limits: Record<string, number> = { ...state.quotas.get(project) };
  for (const [key, value] of Object.entries(body)) {
    if (['tenant_id', 'skip_validation', 'force'].includes(key)) continue;
    const n = Number(value);
    if (!Number.isInteger(n) || n < -1) throw badRequest(`Invalid input for field/attribute ${key}. Value: ${String(value)}. ${String(value)} is less than the minimum of -1`);
    if (!isQuotaResource(state, key)) throw badRequest(`Bad key(s) in quota set: ${key}`);
    limits[key] = n;
  }
  state.quotas.set(project, limits);
  return ok({ quota_set: limitsOf(state, project) });
}

function limits(call: CinderCall): Answer {
  const project = call.token.projectId ?? '';
  const [limit, used] = [limitsOf(call.state, project), usageOf(call.state, project)];
  const absolute = {
    maxTotalVolumes: limit['volumes'], maxTotalSnapshots: limit['snapshots'], maxTotalVolumeGigabytes: limit['gigabytes'], maxTotalBackups: limit['backups'], maxTotalBackupGigabytes: limit['backup_gigabytes'],
    totalVolumesUsed: used['volumes'] ?? 0, totalGigabytesUsed: used['gigabytes'] ?? 0, totalSnapshotsUsed: used['snapshots'] ?? 0, totalBackupsUsed: used['backups'] ?? 0, totalBackupGigabytesUsed: used['backup_gigabytes'] ?? 0,
  };
  return ok({ limits: { rate: [], absolute } });
}

function pools(call: CinderCall): Answer {
  const { state, site } = call;
  const service = state.services.find((s) => s.binary === 'cinder-volume');
  const name = `${service?.host ?? site.name}#${state.backend.pool}`;
  const used = [...state.volumes.values()].reduce((n, v) => n + v.size, 0);
  const capabilities = {
    vendor_name: 'Open Source', driver_version: '1.3.0', storage_protocol: 'ceph', total_capacity_gb: state.backend.capacityGib, free_capacity_gb: site.storageFull ? 0 : state.backend.capacityGib, reserved_percentage: 0, multiattach: true,
    thin_provisioning_support: true, max_over_subscription_ratio: '20.0', backend_state: service?.deadSince === undefined ? 'up' : 'down', qos_support: true, volume_backend_name: state.backend.name, location_info: `ceph:/etc/ceph/ceph.conf:${cephFsid(site)}:admin:volumes`, replication_enabled: false,
    allocated_capacity_gb: used, filter_function: null, goodness_function: null, timestamp: new Date(site.now()).toISOString().replace('Z', '000'),
  };
  return ok({ pools: [/^(true|1)$/i.test(call.query.get('detail') ?? '') ? { name, capabilities } : { name }] });
}

const zones = (call: CinderCall): Answer => {
  const names = [...new Set(call.state.services.filter((s) => s.binary === 'cinder-volume').map((s) => s.zone))];
  return ok({ availabilityZoneInfo: names.map((zoneName) => ({ zoneName, zoneState: { available: call.state.services.some((s) => s.binary === 'cinder-volume' && s.zone === zoneName && !s.disabled) } })) });
};

export const serviceRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/os-services', policy: 'admin', rule: 'volume_extension:services:index', handler: listServices },
  { method: 'PUT', path: '/os-services/:action', policy: 'admin', rule: 'volume_extension:services:update', handler: switchService },
  { method: 'GET', path: '/os-quota-sets/:project', policy: 'any', handler: showQuota },
  { method: 'GET', path: '/os-quota-sets/:project/defaults', policy: 'any', handler: (call) => ok({ quota_set: { ...limitsOf(call.state, ''), id: call.params['project'] } }) },
  { method: 'PUT', path: '/os-quota-sets/:project', policy: 'admin', rule: 'volume_extension:quotas:update', handler: setQuota },
  { method: 'DELETE', path: '/os-quota-sets/:project', policy: 'admin', rule: 'volume_extension:quotas:delete', handler: (call) => {
    call.state.quotas.delete(call.params['project'] ?? '');
    return { status: 200 };
  } },
  { method: 'GET', path: '/limits', policy: 'any', handler: limits },
  { method: 'GET', path: '/scheduler-stats/get_pools', policy: 'admin', rule: 'scheduler_extension:scheduler_stats:get_pools', handler: pools },
  { method: 'GET', path: '/os-availability-zone', policy: 'any', handler: zones },
  { method: 'GET', path: '/extensions', policy: 'any', handler: () => ok({ extensions: [] }) },
];
