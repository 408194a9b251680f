import { randomBytes } from 'node:crypto';
import { createCloud } from '@godwit/openstack';
import { GodwitError, type IdentityConfig } from '@godwit/sites';
import { type Engine, stillOurs } from '@godwit/workflow';
import { adoptWorkflow, refuseOutsider, restoreWorkflow } from './adopt/workflow.ts';
import { checkSite } from './check/check.ts';
import type { Deps } from './deps.ts';
import { joinPreflight } from './join/check.ts';
import { leavePreflight, leaveWorkflow } from './join/leave.ts';
import { joinWorkflow } from './join/workflow.ts';
import { guarded } from './guarded-nodes.ts';
import type { KeyKind } from './nodes.ts';
import { Clouds } from './probe/clouds.ts';
import { ProbeLoop, Prober } from './probe/probe.ts';
import { regionOf, render } from './render/files.ts';
import { checkRotation, currentKeys } from './rotate/check.ts';
import { rotateWorkflow } from './rotate/workflow.ts';
import type { StarReport } from './schemas.ts';
import type { IdentityService } from './service-types.ts';
import { createStar, type StarSite } from './star.ts';
import { statusOf } from './status.ts';
import { repointWorkflow } from './topology/repoint.ts';
import { Watch } from './watch/watch.ts';

export interface IdentityOptions extends Omit<Deps, 'star' | 'createCloud' | 'randomKey'> {
  /** Not started yet: workflows are defined on it here. */
  readonly engine: Engine;
  readonly config: IdentityConfig;
  readonly createCloud?: Deps['createCloud'];
  readonly randomKey?: Deps['randomKey'];
}

const active = ['queued', 'running', 'cancelling'] as const;

/** Use case 1. Defines its workflows on the engine, so call it before engine.start(). */
export function createIdentity(options: IdentityOptions): IdentityService {
  const { engine, config, ...given } = options;
  const deps: Deps = { createCloud: (c) => createCloud(c, { beforeChange: stillOurs }), randomKey: () => randomBytes(32), ...given, nodes: guarded(given.nodes), star: createStar(config) };
  const { star, store } = deps;
  const clouds = new Clouds(deps);
  const prober = new Prober(deps, clouds);
  const wide = { ...deps, clouds, prober };

  const rotateJob = engine.define(rotateWorkflow(deps));
  const adoptJob = engine.define(adoptWorkflow(deps));
  const restoreJob = engine.define(restoreWorkflow(deps));
  const repointJob = engine.define(repointWorkflow(deps));
  const joinJob = engine.define(joinWorkflow(wide));
  const beginRotation = (kind: KeyKind, from: number, jobId?: string): Promise<string> =>
    rotateJob.submit({ kind, from }, { key: `identity/rotate/${kind}`, labels: { identity: 'rotate', kind }, ...(jobId !== undefined && { jobId }) });
  const leaveJob = engine.define(leaveWorkflow({ ...wide, rotate: (kind, jobId) => beginRotation(kind, -1, jobId) }));
  const beginRepoint = (node: string, more: { to?: string; seed: boolean }): Promise<string> =>
    repointJob.submit({ node, ...more }, { key: `identity/replica/${node}`, labels: { identity: 'repoint', node } });

  const watch = new Watch(deps, { jobs: engine.jobs, rotate: (kind, from) => beginRotation(kind, from), repoint: (node, seed) => beginRepoint(node, { seed }) });
  const members = async (): Promise<StarSite[]> => {
    const names = new Set((await store.memberships()).filter((m) => m.state === 'member').map((m) => m.site));
    return star.sites.filter((s) => names.has(s.name));
  };
  const probes = new ProbeLoop(deps, prober, config.probeSeconds * 1000, members);
  const refuseWhileActive = async (labels: Record<string, string>, code: `GW_${string}`, what: string): Promise<void> => {
    const [job] = await engine.jobs.list({ labels, state: active, limit: 1 });
    if (job) throw new GodwitError(code, 'terminal', `${what}: job ${job.id}`, { resource: `job ${job.id}`, action: `godwit job watch ${job.id} shows it.`, details: { jobId: job.id } });
  };

  return {
    status: () => statusOf(deps, engine.jobs, prober.matrix()),

    async adopt({ node }) {
      const name = node ?? star.nodes.find((n) => n.role === 'master')?.name ?? '';
      const { role, site } = star.node(name);
      if (role !== 'master') throw new GodwitError('GW_NOT_A_MASTER', 'terminal', `${name} is a replica: the star begins with a Keystone that writes`, { site, resource: `node ${name}`, action: `Name one of ${star.nodes.filter((n) => n.role === 'master').map((n) => n.name).join(', ')}.` });
      await refuseWhileActive({ identity: 'adopt' }, 'GW_STAR_BUSY', 'keys are being taken over already');
      return { jobId: await adoptJob.submit({ node: name }, { key: 'identity/adopt', labels: { identity: 'adopt', node: name } }) };
    },

    async rotate(kind) {
      const { generation } = await currentKeys(deps, kind);
      await refuseWhileActive({ identity: 'rotate', kind }, 'GW_ROTATION_RUNNING', `the ${kind} keys are being rotated already`);
      return { jobId: await beginRotation(kind, generation) };
    },
    async rotatePreflight(kind): Promise<StarReport> {
      const { findings, away, current } = await checkRotation(deps, kind);
      const plan = [
        `stage a new key at every node (generation ${current.generation + 1})${away.length > 0 ? `, waiting for ${away.join(', ')}` : ''}`,
        'make it the primary at every node',
        ...(kind === 'credential' ? ['encrypt every credential with it, at a master; wait until the replicas have them'] : []),
        kind === 'fernet' ? 'drop the keys that no living token can need' : 'drop the keys before the previous one',
      ];
      return { ok: findings.length === 0, subject: `${kind} keys`, findings: [...findings], plan };
    },

    async restore(node) {
      star.node(node);
      await refuseOutsider(deps, node);
      return { jobId: await restoreJob.submit({ node }, { key: `identity/restore/${node}`, labels: { identity: 'restore', node } }) };
    },

    async repoint(node, { to, seed }) {
      const { role, site } = star.node(node);
      if (role !== 'replica') throw new GodwitError('GW_NOT_A_REPLICA', 'terminal', `${node} is a master`, { site, resource: `node ${node}`, action: 'Only replicas follow a source.' });
      if (to !== undefined && star.site(to).role !== 'master') throw new GodwitError('GW_NOT_A_MASTER', 'terminal', `${to} is no master site`, { site: to, action: `Master sites: ${star.sites.filter((s) => s.role === 'master').map((s) => s.name).join(', ')}.` });
      await refuseWhileActive({ identity: 'repoint', node }, 'GW_STAR_BUSY', `${node} is being re-pointed already`);
      return { jobId: await beginRepoint(node, { ...(to !== undefined && { to }), seed }) };
    },

    async join(site) {
      star.site(site);
      await refuseWhileActive({ site }, 'GW_STAR_BUSY', `${site} is joining or leaving already`);
      return { jobId: await joinJob.submit({ site }, { key: `identity/site/${site}`, labels: { identity: 'join', site } }) };
    },
    joinPreflight: (site) => joinPreflight(deps, star.site(site)),

    async leave(site, { lost }) {
      star.site(site);
      await refuseWhileActive({ site }, 'GW_STAR_BUSY', `${site} is joining or leaving already`);
      return { jobId: await leaveJob.submit({ site, lost }, { key: `identity/site/${site}`, labels: { identity: 'leave', site } }) };
    },
    leavePreflight: (site, { lost }) => leavePreflight(wide, star.site(site), lost),

    probe: async () => prober.round(await members(), AbortSignal.timeout(30_000), { all: true }),
    async probeRevocation(from) {
      return prober.revocation(star.site(from), await members(), AbortSignal.timeout(60_000));
    },

    async render(site, what) {
      const left = new Set((await store.memberships()).filter((m) => m.state === 'left' && m.site !== site).map((m) => m.site));
      const present = createStar({ ...config, sites: Object.fromEntries(Object.entries(config.sites).filter(([name]) => !left.has(name))) });
      return render(present, present.site(star.site(site).name), what, { region: what === 'authtoken' ? regionOf(star.site(site), deps.sites.get(site).region) : '' });
    },
    check: (site) => checkSite(wide, star.site(site), AbortSignal.timeout(60_000)),

    start() {
      watch.start();
      probes.start();
    },
    async close() {
      await Promise.all([watch.close(), probes.close()]);
      await clouds.close();
    },
  };
}
