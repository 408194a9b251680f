import { randomUUID } from 'node:crypto';
import { callerProject, GodwitError, projectKey, projectOf, type ProjectRef } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { adminOnly, ambiguous, type Caller } from '../project.ts';
import type { JobRef, ResourcesService } from '../service-types.ts';
import type { StoredPolicy } from '../store/store.ts';
import { AuditLoop } from './audit.ts';
import { makePlan, type ActivePolicy } from './plan.ts';
import { syncPolicySchema, type SyncPolicy, type SyncReport } from './schemas.ts';
import { syncWorkflow } from './workflow.ts';

type Api = Pick<ResourcesService, 'createSyncPolicy' | 'listSyncPolicies' | 'deleteSyncPolicy' | 'diffSync' | 'applySync' | 'driftOf'>;

export interface SyncService {
  readonly api: Api;
  /** Once, without a policy. */
  readonly once: (project: ProjectRef, active: ActivePolicy) => Promise<JobRef>;
  start(): void;
  close(): Promise<void>;
}

export function syncService(deps: Deps, engine: Engine): SyncService {
  const { sites, store } = deps;
  const load = async (id: string): Promise<ActivePolicy | undefined> => {
    const found = await store.policy<SyncPolicy>(id);
    return found && active(found);
  };
  const workflow = engine.define(syncWorkflow(deps, load));
  const labels = (project: string, name: string) => ({ project, kind: 'sync', policy: name });
  const audit = new AuditLoop({
    ...deps,
    policies: async () => (await store.policies<SyncPolicy>('sync')).map(active),
    repair: async ({ id, policy }) => {
      const found = await store.policy<SyncPolicy>(id);
      if (!found || (await engine.jobs.list({ labels: labels(found.project, policy.name), state: ['queued', 'running', 'cancelling'], limit: 1 })).length > 0) return;
      await workflow.submit({ policyId: id }, { key: `sync/${id}`, labels: labels(found.project, policy.name) });
    },
  });
  const find = async (caller: Caller, name: string): Promise<StoredPolicy<SyncPolicy>> => {
    const all = await store.policies<SyncPolicy>('sync', caller.admin ? undefined : projectKey(callerProject(caller)));
    const own = caller.project ? projectKey(caller.project) : '';
    const named = all.filter((p) => p.name === name);
    const found = all.find((p) => p.id === name) ?? named.find((p) => p.project === own) ?? named[0];
    if (named.length > 1 && found?.id !== name && found?.project !== own) throw ambiguous('sync', name, named);
    if (found) return found;
    throw new GodwitError('GW_POLICY_UNKNOWN', 'terminal', `this project has no sync policy ${name}`, { resource: `sync policy ${name}`, action: 'godwit sync policy list shows those there are.' });
  };

  const api: Api = {
    async createSyncPolicy(caller, raw) {
      const policy = syncPolicySchema.parse(raw);
      const project = projectKey(callerProject(caller));
      for (const site of policy.sites) sites.get(site);
      if (policy.source !== 'agreement' && !policy.sites.includes(policy.source)) throw new GodwitError('GW_POLICY_SOURCE', 'terminal', `policy ${policy.name}: its source ${policy.source} is none of its sites`, { resource: `sync policy ${policy.name}`, action: 'Name one of its sites, or agreement.' });
      if (policy.kinds.includes('flavors')) adminOnly(caller, 'a policy of flavors');
      const user = caller.userDomain === undefined ? undefined : projectKey({ name: caller.userName, domain: caller.userDomain });
      const projects = policy.projects ?? [project];
      const users = policy.users ?? (user === undefined ? [] : [user]);
      if (projects.some((p) => p !== project)) adminOnly(caller, 'other projects than your own');
      if (policy.kinds.includes('keypairs') && users.some((u) => u !== user)) adminOnly(caller, 'keypairs of other users');
      const full: SyncPolicy = { ...policy, projects, users };
      const stored = { id: randomUUID(), project, name: policy.name, doc: full };
      if (!(await store.insertPolicy('sync', stored))) throw new GodwitError('GW_POLICY_EXISTS', 'terminal', `this project has a sync policy ${policy.name} already`, { resource: `sync policy ${policy.name}`, action: 'Choose another name.' });
      return { ...full, id: stored.id };
    },
    listSyncPolicies: async (caller) => (await store.policies<SyncPolicy>('sync', caller.admin ? undefined : projectKey(callerProject(caller)))).map((p) => ({ ...p.doc, id: p.id })),
    deleteSyncPolicy: async (caller, name) => store.deletePolicy((await find(caller, name)).id),
    diffSync: async (caller, name) => (await makePlan(deps, active(await find(caller, name)))).report,
    async applySync(caller, name) {
      const found = await find(caller, name);
      return { jobId: await workflow.submit({ policyId: found.id }, { key: `sync/${found.id}`, labels: labels(found.project, found.name) }) };
    },
    async driftOf(caller, name) {
      const found = await find(caller, name);
      const last = await store.audit<SyncReport>(found.id);
      return last?.doc ?? audit.audit(active(found));
    },
  };
  return {
    api,
    once: async (project, policy) => ({ jobId: await workflow.submit({ policyId: policy.id, once: policy }, { key: `sync/${projectKey(project)}`, labels: labels(projectKey(project), policy.policy.name) }) }),
    start: () => audit.start(),
    close: () => audit.close(),
  };
}

function active({ id, doc, project }: StoredPolicy<SyncPolicy>): ActivePolicy {
  return { id, policy: doc, projects: (doc.projects ?? [project]).map(projectOf), users: (doc.users ?? []).map(projectOf) };
}
