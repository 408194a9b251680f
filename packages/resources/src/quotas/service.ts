import { randomUUID } from 'node:crypto';
import { GodwitError, projectOf, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { adminOnly, ambiguous, type Caller } from '../project.ts';
import type { ResourcesService } from '../service-types.ts';
import type { StoredPolicy } from '../store/store.ts';
import { balanceQuota, usageAt } from './apply.ts';
import { quotaPolicySchema, type QuotaPolicy } from './schemas.ts';

type Api = Pick<ResourcesService, 'createQuotaPolicy' | 'listQuotaPolicies' | 'deleteQuotaPolicy' | 'balanceQuota'>;

const TICK_MS = 2_000;

/** A resource that no service has would be taken, and never do anything. Asked of the sites that answer. */
async function refuseUnknown(deps: Deps, policy: QuotaPolicy): Promise<void> {
  const usages = await Promise.all(policy.sites.map((site) => usageAt(deps.sites.get(site), projectOf(policy.project)).then((usage) => ({ site, usage }), () => undefined)));
  for (const { site, usage } of usages.filter((u) => u !== undefined)) {
    for (const service of ['compute', 'volume', 'network'] as const) {
      const unknown = Object.keys(policy.limits[service]).find((resource) => usage[service][resource] === undefined);
      if (unknown === undefined) continue;
      throw new GodwitError('GW_QUOTA_RESOURCE', 'terminal', `${site}: ${service} has no limit ${unknown}; it has ${Object.keys(usage[service]).toSorted().join(', ')}`, { site, resource: `${service}.${unknown}`, action: 'Correct the name.' });
    }
  }
}

function refuseOverlap(policy: QuotaPolicy, { doc: other }: StoredPolicy<QuotaPolicy>): void {
  // One of the same name is said to be that.
  if (other.project !== policy.project || other.name === policy.name) return;
  const site = policy.sites.find((s) => other.sites.includes(s));
  const both = (['compute', 'volume', 'network'] as const).flatMap((service) => Object.keys(policy.limits[service]).filter((r) => other.limits[service][r] !== undefined).map((r) => `${service}.${r}`));
  if (site === undefined || both.length === 0) return;
  throw new GodwitError('GW_QUOTA_OVERLAP', 'terminal', `quota policy ${other.name} sets ${both.join(', ')} of project ${policy.project} at ${site} already`, { site, resource: `quota policy ${other.name}`, action: 'Change or delete the one: each would undo what the other sets.' });
}

/** Quotas are for administrators. Balanced by a plain loop: done twice, it sets what is set already. */
export function quotaService(deps: Deps): { readonly api: Api; start(): void; close(): Promise<void> } {
  const { store, sites, clock, log } = deps;
  const stop = new AbortController();
  const balanced = new Map<string, number>();
  let running: Promise<void> | undefined;

  const find = async (caller: Caller, name: string): Promise<StoredPolicy<QuotaPolicy>> => {
    adminOnly(caller, 'quotas');
    const all = await store.policies<QuotaPolicy>('quota');
    const named = all.filter((p) => p.name === name);
    const found = all.find((p) => p.id === name) ?? named[0];
    // A name is unique in its project only: another project's must not go by mistake.
    if (named.length > 1 && found?.id !== name) throw ambiguous('quota', name, named);
    if (found) return found;
    throw new GodwitError('GW_POLICY_UNKNOWN', 'terminal', `there is no quota policy ${name}`, { resource: `quota policy ${name}`, action: 'godwit quota list shows those there are.' });
  };

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const policies = await store.policies<QuotaPolicy>('quota').catch(() => []);
      for (const policy of policies) {
        const now = clock.now().getTime();
        if (stop.signal.aborted || now - (balanced.get(policy.id) ?? -Infinity) < policy.doc.everySeconds * 1_000) continue;
        balanced.set(policy.id, now);
        const report = await balanceQuota(deps, policy.id, policy.doc, true).catch((error: unknown) => {
          log('warn', 'a quota could not be balanced', { policy: policy.name, message: toGodwitError(error).message });
        });
        for (const u of report?.unreachable ?? []) log('warn', 'a site keeps its last limits', { policy: policy.name, ...u });
      }
      await clock.sleep(TICK_MS, stop.signal).catch(() => undefined);
    }
  };

  return {
    api: {
      async createQuotaPolicy(caller, raw) {
        adminOnly(caller, 'quotas');
        const policy = quotaPolicySchema.parse(raw);
        for (const site of policy.sites) sites.get(site);
        await refuseUnknown(deps, policy);
        for (const other of await store.policies<QuotaPolicy>('quota')) refuseOverlap(policy, other);
        const stored = { id: randomUUID(), project: policy.project, name: policy.name, doc: policy };
        if (!(await store.insertPolicy('quota', stored))) throw new GodwitError('GW_POLICY_EXISTS', 'terminal', `project ${policy.project} has a quota policy ${policy.name} already`, { resource: `quota policy ${policy.name}`, action: 'Choose another name.' });
        return { ...policy, id: stored.id };
      },
      async listQuotaPolicies(caller) {
        adminOnly(caller, 'quotas');
        return (await store.policies<QuotaPolicy>('quota')).map((p) => ({ ...p.doc, id: p.id }));
      },
      deleteQuotaPolicy: async (caller, name) => store.deletePolicy((await find(caller, name)).id),
      balanceQuota: async (caller, name, { dryRun }) => {
        const policy = await find(caller, name);
        return balanceQuota(deps, policy.id, policy.doc, !dryRun);
      },
    },
    start: () => {
      running = loop();
    },
    close: async () => {
      stop.abort();
      await running;
    },
  };
}
