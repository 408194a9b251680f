import { noContent, ok, type Answer, type Route } from '../http/service.ts';
import { bad, bodyOf, fault, type NeutronCall } from './common.ts';
import type { NeutronState } from './state.ts';

const defaults: Readonly<Record<string, number>> = { network: 100, subnet: 100, subnetpool: -1, port: 500, rbac_policy: 10, security_group: 10, security_group_rule: 100 };
export type Resource = 'network' | 'subnet' | 'port' | 'security_group' | 'security_group_rule';

const limitsOf = (state: NeutronState, project: string): Record<string, number> => ({ ...defaults, ...state.quotas.get(project) });

export function count(state: NeutronState, project: string, resource: Resource, more: number): void {
  const used = state.used.get(project) ?? {};
  used[resource] = Math.max(0, (used[resource] ?? 0) + more);
  state.used.set(project, used);
}

/** @throws ApiError 409 */
export function charge(state: NeutronState, project: string, resource: Resource, more = 1): void {
  const limit = limitsOf(state, project)[resource] ?? -1;
  if (limit >= 0 && (state.used.get(project)?.[resource] ?? 0) + more > limit) throw fault(409, 'OverQuota', `Quota exceeded for resources: ['${resource}'].`);
  count(state, project, resource, more);
}

function own(call: NeutronCall): string {
  const project = (call.params['project'] ?? '').replace(/\.json$/, '');
  if (!call.token.admin && project !== call.token.projectId) throw fault(403, 'AdminRequired', 'User does not have admin privileges: Only admin is authorized to access quotas for another project.');
  return project;
}

function details(call: NeutronCall): Answer {
  const project = own(call);
  const used = call.state.used.get(project) ?? {};
  return ok({ quota: Object.fromEntries(Object.entries(limitsOf(call.state, project)).map(([key, limit]) => [key, { limit, used: used[key] ?? 0, reserved: 0 }])) });
}

function set(call: NeutronCall): Answer {
  const project = call.params['project'] ?? '';
  const body = bodyOf(call, 'quota', [...Object.keys(defaults), 'tenant_id', 'project_id', 'check_limit', 'force', 'router', 'floatingip']);
  const limits: Record<string, number> = { ...call.state.quotas.get(project) };
  for (const [key, value] of Object.entries(body)) {
    if (!(key in defaults)) continue;
    const n = Number(value);
    if (!Number.isInteger(n) || n < -1) throw bad(`Invalid input for ${key}. Reason: '${String(value)}' is not an integer.`);
    limits[key] = n;
  }
  call.state.quotas.set(project, limits);
  return ok({ quota: limitsOf(call.state, project) });
}

export const quotaRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/quotas/:project', policy: 'any', handler: (call) => ok({ quota: limitsOf(call.state, own(call)) }) },
  { method: 'GET', path: '/quotas/:project/default', policy: 'any', handler: () => ok({ quota: defaults }) },
  { method: 'GET', path: '/quotas/:project/details', policy: 'any', handler: details },
  { method: 'GET', path: '/quotas/:project/details.json', policy: 'any', handler: details },
  { method: 'PUT', path: '/quotas/:project', policy: 'admin', rule: 'update_quota', handler: set },
  { method: 'DELETE', path: '/quotas/:project', policy: 'admin', rule: 'delete_quota', handler: (call) => {
    call.state.quotas.delete(call.params['project'] ?? '');
    return noContent;
  } },
];
