import { randomUUID } from 'node:crypto';
import { at, callerProject, GodwitError, projectKey, toGodwitError } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import { advise } from './advise/advise.ts';
import { findGroup, findPoint } from './access.ts';
import { rebuildProject } from './catalog/rebuild.ts';
import type { Deps } from './deps.ts';
import { ThawKeeper } from './freeze/keeper.ts';
import { quiesceOne, unquiesceOne } from './freeze/one-server.ts';
import { peerSite } from './group-sites.ts';
import { reachProject, resolveMembers } from './inventory/resolve.ts';
import { cannotBeConsistent, inconsistent } from './preflight/consistency.ts';
import { asFinding } from './preflight/findings.ts';
import { protectPreflight, protectReport } from './preflight/protect.ts';
import { epochPassed } from './protect/begin.ts';
import { protectWorkflow } from './protect/workflow.ts';
import { purgeWorkflow, releaseVolumes } from './purge.ts';
import { recoverPreflight } from './recover/assess.ts';
import { resyncWorkflow } from './methods/replication/resync.ts';
import { ReplicationWatch } from './replication/watch.ts';
import { FenceLoop } from './recover/fence-loop.ts';
import { recoverWorkflow } from './recover/workflow.ts';
import { changedPolicy, groupChangeSchema, groupSpecSchema, type Group, type Policy, type RebuildResult, type RecoveryPoint } from './schemas.ts';
import type { Caller, ProtectionService } from './service-types.ts';
import { verifyPoint, verifyWorkflow } from './verify.ts';

export interface ProtectionOptions extends Deps {
  /** Not started yet: workflows are defined on it here. */
  readonly engine: Engine;
}

/** Use case 3. Defines its workflows on the engine, so call it before engine.start(). */
export function createProtection(options: ProtectionOptions): ProtectionService {
  const { engine, ...deps } = options;
  const { store, sites, clock } = deps;
  const keeper = new ThawKeeper();
  const fences = new FenceLoop(deps);
  const copies = new ReplicationWatch(deps);
  const protect = engine.define(protectWorkflow({ ...deps, keeper }));
  const recover = engine.define(recoverWorkflow(deps));
  const verify = engine.define(verifyWorkflow(deps));
  const purge = engine.define(purgeWorkflow(deps));
  const resync = engine.define(resyncWorkflow(deps));

  const submitFor = (group: Group, kind: string) => ({ key: `group/${group.id}`, labels: { group: group.id, groupName: group.name, project: projectKey(group.project), kind } });

  return {
    async createGroup(caller, raw) {
      const spec = groupSpecSchema.parse(raw);
      const project = callerProject(caller);
      const site = sites.get(spec.site);
      sites.get(spec.recoverySite);
      if (spec.site === spec.recoverySite) throw new GodwitError('GW_SAME_SITE', 'terminal', `group ${spec.name} would be recovered at the site that it is to survive, ${spec.site}`, { site: spec.site, action: 'Name another site for the recovery.' });
      const members = await resolveMembers(site, project, spec.members);
      await reachProject(sites.get(spec.recoverySite), project).catch((e: unknown) => {
        throw toGodwitError(e, { site: spec.recoverySite });
      });
      refuseInconsistent(spec.name, spec.policy, members.length);
      const now = clock.now().toISOString();
      const group: Group = {
        id: randomUUID(), name: spec.name, project, site: spec.site, recoverySite: spec.recoverySite, activeSite: spec.site, epoch: 1,
        state: 'New', members, policy: spec.policy, conditions: [], createdAt: now, updatedAt: now,
      };
      if (!(await store.insertGroup(group))) throw new GodwitError('GW_GROUP_EXISTS', 'terminal', `this project has a group ${spec.name} already`, { resource: `group ${spec.name}`, action: 'Choose another name.' });
      return group;
    },

    listGroups: (caller, page) => (caller.admin ? store.groups(page) : caller.project ? store.groups({ ...page, project: projectKey(caller.project) }) : Promise.resolve([])),
    getGroup: (caller, group) => findGroup(store, caller, group),

    async changeGroup(caller, name, raw) {
      const change = groupChangeSchema.parse(raw);
      const group = await findGroup(store, caller, name);
      refuseInconsistent(group.name, changedPolicy(group.policy, change), group.members.length);
      const updated = await store.updateGroup(group.id, group.epoch, (now) => ({ ...now, policy: changedPolicy(now.policy, change) }));
      if (!updated) throw epochPassed(group);
      return updated;
    },

    async deleteGroup(caller, name, { purge: everything }) {
      const group = await findGroup(store, caller, name);
      if (everything) return { jobId: await purge.submit({ groupId: group.id }, submitFor(group, 'purge')) };
      const active = await engine.jobs.list({ labels: { group: group.id }, state: ['queued', 'running', 'cancelling'], limit: 1 });
      if (active.length > 0) throw new GodwitError('GW_GROUP_BUSY', 'terminal', `job ${active[0]?.id ?? ''} works on group ${group.name}`, { resource: `group ${group.name}`, action: 'Wait for it or cancel it, then delete.' });
      // The site may be gone for good, and the group must be deletable all the same.
      await releaseVolumes(deps, group, AbortSignal.timeout(60_000)).catch((e: unknown) => deps.log('warn', 'the volume group in Cinder was left', { group: group.name, error: String(e) }));
      await store.deleteGroup(group.id);
      return undefined;
    },

    async preflight(caller, name) {
      const group = await findGroup(store, caller, name);
      return protectReport(group, await protectPreflight(deps, group));
    },

    async advise(caller, name) {
      const group = await findGroup(store, caller, name);
      return advise(deps, group, await engine.jobs.list({ labels: { group: group.id }, state: ['succeeded'], limit: 100 }));
    },

    async protect(caller, name) {
      const group = await findGroup(store, caller, name);
      const pointId = randomUUID();
      return { jobId: await protect.submit({ groupId: group.id, pointId }, submitFor(group, 'protect')) };
    },

    async listPoints(caller, name) {
      const group = await findGroup(store, caller, name);
      return Promise.all((await store.points(group.id)).map((p) => withJobError(engine, p)));
    },
    getPoint: async (caller, id) => withJobError(engine, (await findPoint(store, caller, id)).point),

    async verifyPoint(caller, id, { restore }) {
      const { group, point } = await findPoint(store, caller, id);
      if (point.state !== 'Available') throw new GodwitError('GW_POINT_NOT_AVAILABLE', 'terminal', `recovery point ${point.sequence} is ${point.state}`, { resource: `recovery point ${id}`, action: 'Choose one that is Available.' });
      if (!restore) return verifyPoint(deps, group, point);
      return { jobId: await verify.submit({ groupId: group.id, pointId: id }, submitFor(group, 'verify')) };
    },

    async recoverPreflight(caller, name, { to, point, planned = false }) {
      const group = await findGroup(store, caller, name);
      sites.get(to);
      if (group.activeSite === to) return { ok: true, group: group.name, findings: [], warnings: [], plan: [`nothing: it is active at ${to} already`] };
      return (await recoverPreflight(deps, group, to, await choosePoint(deps, group, to, point), { planned })).report;
    },

    async recover(caller, name, { to, point, sourceIsDown = false, planned = false }) {
      const group = await findGroup(store, caller, name);
      sites.get(to);
      const pointId = group.activeSite === to ? (point ?? (await newestPoint(deps, group, to))?.id ?? '') : await choosePoint(deps, group, to, point);
      const input = { groupId: group.id, pointId, to, sourceIsDown, ...(planned ? { planned } : {}), requestedAt: clock.now().toISOString() };
      return { jobId: await recover.submit(input, submitFor(group, 'recover')) };
    },

    async resync(caller, name, { keep }) {
      const group = await findGroup(store, caller, name);
      return { jobId: await resync.submit({ groupId: group.id, keep }, submitFor(group, 'resync')) };
    },

    async rebuildCatalog(caller, site) {
      sites.get(site);
      const projects = caller.admin ? await knownProjects(deps, site, caller) : [callerProject(caller)];
      const results = await Promise.all(
        projects.map((p) =>
          rebuildProject(deps, site, p).catch((error: unknown): RebuildResult => {
            // Of many projects one that cannot be read is named; the others are rebuilt all the same.
            if (projects.length === 1) throw error;
            return { site, groups: [], points: [], findings: [asFinding(error, site, `project ${p.name}`)] };
          }),
        ),
      );
      return results.reduce<RebuildResult>((a, b) => ({ site, groups: [...a.groups, ...b.groups], points: [...a.points, ...b.points], findings: [...a.findings, ...b.findings] }), { site, groups: [], points: [], findings: [] });
    },

    quiesceServer: (caller, site, server, { limitSeconds }) => quiesceOne({ ...deps, keeper }, sites.get(site), callerProject(caller), server, limitSeconds),
    unquiesceServer: (caller, site, server) => unquiesceOne({ ...deps, keeper }, sites.get(site), callerProject(caller), server),

    start: () => {
      fences.start();
      copies.start();
    },
    close: () => {
      fences.close();
      copies.close();
      keeper.close();
      return Promise.resolve();
    },
  };
}

function refuseInconsistent(name: string, policy: Policy, members: number): void {
  if (!cannotBeConsistent(policy, members)) return;
  const { message, resource, action } = inconsistent(name, policy);
  throw new GodwitError('GW_METHOD_INCONSISTENT', 'terminal', message, { resource, action });
}

async function newestPoint(deps: Deps, group: Group, to: string): Promise<RecoveryPoint | undefined> {
  return (await deps.store.points(group.id)).filter((p) => p.state === 'Available' && p.recoverySite === to).at(-1);
}

async function choosePoint(deps: Deps, group: Group, to: string, wanted: string | undefined): Promise<string> {
  const points = await deps.store.points(group.id);
  const chosen = wanted === undefined ? await newestPoint(deps, group, to) : points.find((p) => p.id === wanted || String(p.sequence) === wanted);
  if (!chosen) {
    throw new GodwitError('GW_POINT_UNKNOWN', 'terminal', wanted === undefined ? `group ${group.name} has no recovery point at ${to}` : `group ${group.name} has no recovery point ${wanted}`, {
      site: to,
      resource: `group ${group.name}`,
      action: `godwit recovery-point list ${group.name} shows those there are; godwit catalog rebuild --site ${to} looks for more. It is protected to ${peerSite(group)}.`,
    });
  }
  if (chosen.recoverySite !== to) {
    throw new GodwitError('GW_POINT_ELSEWHERE', 'terminal', `recovery point ${chosen.sequence} lies at ${chosen.recoverySite}, not at ${to}`, { site: to, resource: `recovery point ${chosen.id}`, action: `Recover to ${chosen.recoverySite}, or choose a point that lies at ${to}.` });
  }
  if (chosen.state !== 'Available') throw new GodwitError('GW_POINT_NOT_AVAILABLE', 'terminal', `recovery point ${chosen.sequence} is ${chosen.state}`, { resource: `recovery point ${chosen.id}`, action: 'Choose one that is Available.' });
  return chosen.id;
}

/** For an admin: every project at the site in which Godwit's user has a role. */
async function knownProjects(deps: Deps, site: string, caller: Caller): Promise<{ name: string; domain: string }[]> {
  const { identity } = deps.sites.get(site).admin;
  const projects = await at(site, () => identity.projects.mine());
  const domains = new Map((await at(site, () => identity.domains.list())).map((d) => [d.id, d.name]));
  const found = projects.map((p) => ({ name: p.name, domain: domains.get(p.domain_id ?? '') ?? p.domain_id ?? '' }));
  return found.length > 0 ? found : [callerProject(caller)];
}

/** A failed point tells why by its job. */
async function withJobError(engine: Engine, point: RecoveryPoint): Promise<RecoveryPoint> {
  if (point.state !== 'Failed' || point.jobId === undefined) return point;
  const error = (await engine.jobs.get(point.jobId))?.error;
  return error ? { ...point, error: { code: error.code, message: error.message } } : point;
}
