import type { Cloud, QuotaUsage } from '@godwit/openstack';
import type { Finding } from '../schemas.ts';
import type { Check } from './findings.ts';

/** What will be made, by the name of the quota that counts it. */
export type Needs = Readonly<Record<string, number>>;

export function quotaCheck(site: string, tenant: Cloud, service: 'volume' | 'compute' | 'network', needs: Needs): Check {
  return {
    site,
    resource: `${service} quota`,
    run: async () => {
      const { projectId } = await tenant.session.token();
      const quota = await tenant[service].quota(projectId ?? '');
      return shortages(site, service, quota, needs);
    },
  };
}

/** Compares needs with what is left. Also used by tests: no I/O. */
export function shortages(site: string, service: string, quota: Readonly<Record<string, QuotaUsage>>, needs: Needs): Finding[] {
  return Object.entries(needs).flatMap(([name, need]): Finding[] => {
    const usage = quota[name];
    if (need <= 0 || usage === undefined || usage.limit < 0) return [];
    const used = usage.inUse + usage.reserved;
    if (used + need <= usage.limit) return [];
    return [
      {
        code: 'GW_QUOTA',
        site,
        resource: `${service} quota ${name}`,
        message: `${site}: the ${service} quota ${name} is ${usage.limit}, ${used} used; ${need} more are needed`,
        action: `Raise it to at least ${used + need}, or free what is not needed.`,
      },
    ];
  });
}

/** Volume quotas of a type are kept under the quota's name and the type's, `snapshots_ceph`. */
export function withTypes(needs: Needs, perType: Readonly<Record<string, Needs>>): Needs {
  const all: Record<string, number> = { ...needs };
  for (const [type, typed] of Object.entries(perType)) for (const [name, n] of Object.entries(typed)) all[`${name}_${type}`] = n;
  return all;
}
