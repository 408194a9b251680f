import { randomUUID } from 'node:crypto';
import { callerProject, GodwitError, projectIdAt, projectKey, type ProjectRef } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord, refuseUnfit } from '../images/find.ts';
import { differences } from '../images/record.ts';
import type { ImageService } from '../images/service.ts';
import { type Caller } from '../project.ts';
import type { ResourcesService } from '../service-types.ts';
import type { StoredPolicy } from '../store/store.ts';
import { AutomaticLoop } from './automatic.ts';
import { covers } from './match.ts';
import { rollbackWorkflow, rolloutWorkflow } from './rollout.ts';
import { imagePolicySchema, type Ensured, type ImagePolicy, type Rollout } from './schemas.ts';

type Api = Pick<ResourcesService, 'createImagePolicy' | 'listImagePolicies' | 'deleteImagePolicy' | 'ensureImage' | 'imagesWantedAt' | 'startRollout' | 'listRollouts' | 'getRollout' | 'resumeRollout' | 'pauseRollout' | 'rollBack'>;

export function policyService(deps: Deps, engine: Engine, images: ImageService): { readonly api: Api; start(): void; close(): Promise<void> } {
  const { sites, store, clock } = deps;
  const rollout = engine.define(rolloutWorkflow(deps));
  const rollback = engine.define(rollbackWorkflow(deps));
  const automatic = new AutomaticLoop({
    ...deps,
    clone: async (project, from, image, name, to) => {
      if ((await images.underWay(project, name)).length > 0) return;
      await images.clone({ project, from, image, to, method: 'auto', replace: true, admin: false });
    },
  });

  const policies = (project: ProjectRef) => store.policies<ImagePolicy>('image', projectKey(project));
  const find = async (caller: Caller, name: string): Promise<StoredPolicy<ImagePolicy>> => {
    const found = (await policies(callerProject(caller))).find((p) => p.name === name || p.id === name);
    if (found) return found;
    throw new GodwitError('GW_POLICY_UNKNOWN', 'terminal', `this project has no image policy ${name}`, { resource: `image policy ${name}`, action: 'godwit image policy list shows those there are.' });
  };
  const mine = async (caller: Caller, id: string): Promise<Rollout> => {
    const found = /^[0-9a-f-]{36}$/.test(id) ? await store.rollout<Rollout>(id) : undefined;
    if (found && (caller.admin || found.project === projectKey(callerProject(caller)))) return found.doc;
    throw new GodwitError('GW_ROLLOUT_UNKNOWN', 'terminal', `this project has no rollout ${id}`, { resource: `rollout ${id}`, action: 'godwit image rollout list shows those there are.' });
  };
  const change = async (caller: Caller, id: string, how: (r: Rollout) => Rollout): Promise<Rollout> => {
    const before = await mine(caller, id);
    return (await store.updateRollout<Rollout>(id, how)) ?? before;
  };

  const api: Api = {
    async createImagePolicy(caller, raw) {
      const policy = imagePolicySchema.parse(raw);
      const project = callerProject(caller);
      for (const site of [policy.source, ...policy.sites]) await projectIdAt(sites.get(site), project);
      const stored = { id: randomUUID(), project: projectKey(project), name: policy.name, doc: policy };
      if (!(await store.insertPolicy('image', stored))) throw new GodwitError('GW_POLICY_EXISTS', 'terminal', `this project has an image policy ${policy.name} already`, { resource: `image policy ${policy.name}`, action: 'Choose another name.' });
      return { ...policy, id: stored.id };
    },
    listImagePolicies: async (caller) => (await policies(callerProject(caller))).map((p) => ({ ...p.doc, id: p.id })),
    deleteImagePolicy: async (caller, name) => store.deletePolicy((await find(caller, name)).id),

    async ensureImage(caller, name, at, from): Promise<Ensured> {
      const project = callerProject(caller);
      const target = sites.get(at);
      const all = await policies(project);
      const source = from ?? all.find((p) => p.doc.mode !== 'none' && (p.doc.sites.includes(at) || p.doc.source === at) && covers({ images: p.doc.images }, { name, tags: [] }))?.doc.source;
      if (source === undefined || source === at) {
        // Without a word where it would come from, it can only be there or not.
        const there = await findImage(target, project, name);
        return { image: name, site: at, present: true, imageId: there.id };
      }
      const site = sites.get(source);
      let record;
      try {
        const image = await findImage(site, project, name);
        refuseUnfit(source, image);
        record = await readRecord(site, project, image, caller.admin);
      } catch (error) {
        // Its source is lost: what is there will have to do.
        if ((error as GodwitError).kind === 'terminal') throw error;
        const there = await findImage(target, project, name).catch(() => undefined);
        if (!there) throw error;
        return { image: name, site: at, present: true, imageId: there.id };
      }
      const { copy } = await lookAtTarget(target, project, record);
      if (copy && differences(copy, record).length === 0) return { image: record.name, site: at, present: true, imageId: copy.id };
      const [running] = await images.underWay(project, record.name);
      const jobId = running ?? (await images.clone({ project, from: source, image: record.id, to: [at], method: 'auto', replace: false, admin: caller.admin })).jobId;
      return { image: record.name, site: at, present: false, jobId };
    },

    async imagesWantedAt(project, names, at) {
      const all = await policies(project);
      return names.flatMap((image) => {
        const bare = { name: image, tags: [] };
        if (all.some((p) => p.doc.mode === 'none' && covers({ images: p.doc.images }, bare))) return [];
        const policy = all.find((p) => p.doc.mode !== 'none' && p.doc.source !== at && p.doc.sites.includes(at) && covers({ images: p.doc.images }, bare))?.doc;
        return policy ? [{ image, source: policy.source, lazy: policy.mode === 'lazy' }] : [];
      });
    },

    async startRollout(caller, name, image) {
      const { doc: policy, project } = await find(caller, name);
      if (policy.mode !== 'controlled') throw new GodwitError('GW_POLICY_MODE', 'terminal', `image policy ${name} is ${policy.mode}, not controlled`, { resource: `image policy ${name}`, action: 'Only a controlled policy is rolled out.' });
      const ref = callerProject(caller);
      const source = sites.get(policy.source);
      const found = await findImage(source, ref, image);
      refuseUnfit(policy.source, found);
      const id = randomUUID();
      const stages = [policy.source, ...policy.sites.filter((s) => s !== policy.source)].map((site) => ({ site, state: 'waiting' as const, superseded: [] }));
      const doc: Rollout = {
        id, policy: name, image: found.name ?? found.id, imageId: found.id, source: policy.source, state: 'running',
        // The source itself is switched without a word: the image is there.
        approved: policy.pause === 'none' ? stages.length : policy.pause === 'first' ? 1 : 1,
        stages, startedAt: clock.now().toISOString(),
      };
      await store.putRollout(id, project, name, clock.now(), doc);
      const jobId = await rollout.submit({ rolloutId: id }, { jobId: id, key: `rollout/${project}/${doc.image}`, labels: { project, kind: 'image-rollout', image: doc.image } });
      return change(caller, id, (r) => ({ ...r, jobId }));
    },
    listRollouts: async (caller) => (await store.rollouts<Rollout>(projectKey(callerProject(caller)))).map((r) => r.doc),
    getRollout: mine,
    async resumeRollout(caller, id, all) {
      const { doc } = await find(caller, (await mine(caller, id)).policy);
      return change(caller, id, (r) => (r.state === 'running' || r.state === 'paused' ? { ...r, approved: all || doc.pause === 'first' ? r.stages.length : Math.max(r.approved, r.stages.filter((s) => s.state === 'done').length) + 1 } : r));
    },
    pauseRollout: (caller, id) => change(caller, id, (r) => ({ ...r, approved: r.stages.filter((s) => s.state !== 'waiting').length })),
    async rollBack(caller, id) {
      const now = await mine(caller, id);
      if (now.state === 'rolled-back') return now;
      const running = (await engine.jobs.list({ labels: { kind: 'image-rollout', image: now.image }, state: ['queued', 'running'] })).some((j) => j.id === now.jobId);
      const next = await change(caller, id, (r) => ({ ...r, state: 'rolling-back' }));
      // A rollout that still runs hears the word at its next gate and goes back itself; behind it, on the same key, this one finds it done.
      const project = (await store.rollout<Rollout>(id))?.project ?? '';
      if (!running || now.stages.every((s) => s.state === 'done')) await rollback.submit({ rolloutId: id }, { key: `rollout/${project}/${now.image}`, labels: { project, kind: 'image-rollback', image: now.image } });
      return next;
    },
  };
  return { api, start: () => automatic.start(), close: () => automatic.close() };
}
