import { randomUUID } from 'node:crypto';
import { callerProject, GodwitError, projectIdAt, projectKey, type ProjectRef } from '@godwit/sites';
import type { Image } from '@godwit/openstack';
import type { Engine } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord, refuseUnfit } from '../images/find.ts';
import { differences } from '../images/record.ts';
import type { ImageService } from '../images/service.ts';
import { type Caller } from '../project.ts';
import type { ResourcesService } from '../service-types.ts';
import type { StoredPolicy } from '../store/store.ts';
import { AutomaticLoop } from './automatic.ts';
import { policyFor } from './match.ts';
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

  /** One stage more than are done; the source's own needs no word. Said twice, it is one all the same. */
  const further = (r: Rollout): number => r.stages.filter((s) => s.state === 'done' && s.site !== r.source).length + 2;
  const projectOfRollout = async (id: string): Promise<string> => (await store.rollout<Rollout>(id))?.project ?? '';
  const goesOn = (state: Rollout['state']): boolean => state === 'running' || state === 'paused';
  const submit = (project: string, r: Rollout, jobId: string) => rollout.submit({ rolloutId: r.id }, { jobId, key: `rollout/${project}/${r.image}`, labels: { project, kind: 'image-rollout', image: r.image } });
  const isAlive = async (r: Rollout): Promise<boolean> => ['queued', 'running', 'cancelling'].includes((await engine.jobs.get(r.jobId ?? r.id))?.state ?? '');
  /** The image that a name stands for at a site, each asked for once; a site that is away has none to tell of. */
  const lookUp = (project: ProjectRef) => {
    const known = new Map<string, Promise<Image | undefined>>();
    return (site: string, name: string): Promise<Image | undefined> => {
      const key = `${site} ${name}`;
      const image = known.get(key) ?? (sites.health(site).state === 'down' ? Promise.resolve(undefined) : findImage(sites.get(site), project, name).catch(() => undefined));
      known.set(key, image);
      return image;
    };
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
      const source = from ?? (await policyFor(all, name, (p) => p.sites.includes(at) || p.source === at, lookUp(project)))?.source;
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
      const look = lookUp(project);
      const wanted = await Promise.all(names.map(async (image) => {
        const policy = await policyFor(all, image, (p) => p.source !== at && p.sites.includes(at), look);
        return policy ? [{ image, source: policy.source, lazy: policy.mode === 'lazy' }] : [];
      }));
      return wanted.flat();
    },

    async startRollout(caller, name, image) {
      const { doc: policy, project } = await find(caller, name);
      if (policy.mode !== 'controlled') throw new GodwitError('GW_POLICY_MODE', 'terminal', `image policy ${name} is ${policy.mode}, not controlled`, { resource: `image policy ${name}`, action: 'Only a controlled policy is rolled out.' });
      const ref = callerProject(caller);
      const source = sites.get(policy.source);
      const found = await findImage(source, ref, image);
      refuseUnfit(policy.source, found);
      if (found.owner !== (await projectIdAt(source, ref))) {
        throw new GodwitError('GW_IMAGE_NOT_OWNED', 'terminal', `${policy.source}: image ${found.id} is another project’s`, { site: policy.source, resource: `image ${found.id}`, action: 'Roll out an image that the project owns: a rollout shows and hides images.' });
      }
      const id = randomUUID();
      const stages = [policy.source, ...policy.sites.filter((s) => s !== policy.source)].map((site) => ({ site, state: 'waiting' as const, superseded: [] }));
      const doc: Rollout = {
        id, policy: name, image: found.name ?? found.id, imageId: found.id, source: policy.source, state: 'running',
        // The source itself is switched without a word: the image is there.
        approved: policy.pause === 'none' ? stages.length : 1,
        stages, pause: policy.pause, ...(caller.admin ? { publish: true } : {}), jobId: id, startedAt: clock.now().toISOString(),
      };
      await store.putRollout(id, project, name, clock.now(), doc);
      await submit(project, doc, id);
      return doc;
    },
    listRollouts: async (caller) => (await store.rollouts<Rollout>(projectKey(callerProject(caller)))).map((r) => r.doc),
    getRollout: mine,
    async resumeRollout(caller, id, all) {
      const before = await mine(caller, id);
      const alive = goesOn(before.state) && (await isAlive(before));
      const again = randomUUID();
      const next = await change(caller, id, (r) => {
        if (!goesOn(r.state) && r.state !== 'failed') return r;
        const word = { ...r, approved: all || r.pause === 'first' ? r.stages.length : Math.max(r.approved, further(r)) };
        // Its job has failed, was cancelled, or was never begun: another goes on, past the stages that are done. Of two who ask for it at once, one does.
        return alive || r.jobId !== before.jobId ? word : { ...word, state: 'running', jobId: again };
      });
      if (next.jobId === again) await submit(await projectOfRollout(id), next, again);
      return next;
    },
    pauseRollout: (caller, id) => change(caller, id, (r) => ({ ...r, approved: r.stages.filter((s) => s.state !== 'waiting').length })),
    async rollBack(caller, id) {
      const now = await mine(caller, id);
      if (now.state === 'rolled-back') return now;
      const project = await projectOfRollout(id);
      const newer = (await store.rollouts<Rollout>(project)).map((r) => r.doc).filter((r) => r.image === now.image && r.source === now.source && r.startedAt > now.startedAt && r.state !== 'rolled-back' && (r.state !== 'failed' || r.stages.some((s) => s.imageId !== undefined)));
      if (newer[0]) {
        throw new GodwitError('GW_ROLLOUT_NEWER', 'terminal', `rollout ${newer[0].id} of ${now.image} is newer: going back behind it would show two versions`, { resource: `rollout ${id}`, action: `godwit image rollout rollback ${newer[0].id}, then this one.` });
      }
      const next = await change(caller, id, (r) => (r.state === 'rolled-back' ? r : { ...r, state: 'rolling-back' }));
      // A rollout that still runs hears the word and goes back itself; behind it, on the same key, this one finds it done, or does it.
      if (next.state !== 'rolled-back') await rollback.submit({ rolloutId: id }, { key: `rollout/${project}/${now.image}`, labels: { project, kind: 'image-rollback', image: now.image } });
      return next;
    },
  };
  return { api, start: () => automatic.start(), close: () => automatic.close() };
}
