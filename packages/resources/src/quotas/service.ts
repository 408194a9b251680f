import { randomUUID } from 'node:crypto';
import { GodwitError, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { adminOnly, type Caller } from '../project.ts';
import type { ResourcesService } from '../service-types.ts';
import type { StoredPolicy } from '../store/store.ts';
import { balanceQuota } from './apply.ts';
import { quotaPolicySchema, type QuotaPolicy } from './schemas.ts';

type Api = Pick<ResourcesService, 'createQuotaPolicy' | 'listQuotaPolicies' | 'deleteQuotaPolicy' | 'balanceQuota'>;

const TICK_MS = 2_000;

/** Quotas are for administrators. Balanced by a plain loop: done twice, it sets what is set already. */
export function quotaService(deps: Deps): { readonly api: Api; start(): void; close(): Promise<void> } {
  const { store, sites, clock, log } = deps;
  const stop = new AbortController();
  const balanced = new Map<string, number>();
  let running: Promise<void> | undefined;

  const find = async (caller: Caller, name: string): Promise<StoredPolicy<QuotaPolicy>> => {
    adminOnly(caller, 'quotas');
    const found = (await store.policies<QuotaPolicy>('quota')).find((p) => p.name === name || p.id === name);
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
