import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import { giveKeys } from '../adopt/workflow.ts';
import type { Deps } from '../deps.ts';
import { keyKinds } from '../nodes.ts';
import type { Clouds } from '../probe/clouds.ts';
import type { Prober } from '../probe/probe.ts';
import { refuse } from '../refuse.ts';
import { regionOf } from '../render/files.ts';
import type { MembershipResult } from '../schemas.ts';
import type { StarSite } from '../star.ts';
import { chooseSource } from '../topology/choose.ts';
import { see } from '../topology/repoint.ts';
import { addressOf, databaseOf, databaseState, look } from '../topology/view.ts';
import { announce, prepareEndpoints, removeEndpoints } from './catalog.ts';
import { joinPreflight, needsSeed } from './check.ts';

export interface JoinDeps extends Deps {
  readonly clouds: Clouds;
  readonly prober: Prober;
}

export interface JoinInput {
  readonly site: string;
}

const outside = 'its site is not in the star';

/**
 * join: held out of service → the database follows → keys → region and endpoints, hidden → tokens valid in both directions at every Keystone →
 * let serve → the site's address answers → announced. From the begin on rotations count its nodes in, so that it misses none.
 */
export function joinWorkflow(deps: JoinDeps): WorkflowDefinition<JoinInput, MembershipResult> {
  return {
    name: 'identity-join',
    run: async (ctx: WorkflowContext, input: JoinInput) => {
      const begun = await ctx.now('begun');
      const site = deps.star.site(input.site);
      const region = regionOf(site, deps.sites.get(site.name).region);
      const { before } = await ctx.step('check', () => preflight(deps, site, ctx.jobId));
      await ctx.step('begin', () => deps.store.setMembership(site.name, 'joining', ctx.jobId, deps.clock.now()), {
        // A site that has left is left again: what Godwit knows of it is why its nodes are held out.
        compensate: () => deps.store.setMembership(site.name, before, ctx.jobId, deps.clock.now()),
      });
      await ctx.all('hold', site.nodes, (n) => n.name, (n, s) => deps.nodes.hold(n.name, 'its site joins the star', s.signal));
      const seeded = await ctx.all('replicate', site.nodes, (n) => n.name, (n, s) => replicate(deps, n.name, s), { limit: 2, attempts: 20 });
      for (const kind of keyKinds) await ctx.step(`give-${kind}`, (s) => giveKeys(deps, kind, site.name, s));
      await ctx.step('prepare-endpoints', (s) => prepareEndpoints(deps, deps.clouds, site, region, ctx.jobId, s.signal), {
        compensate: (_r, s) => removeEndpoints(deps, deps.clouds, site, region, s.signal, { madeBy: ctx.jobId }),
      });
      await ctx.step('probe', (s) => probe(deps, site, region, s), { attempts: 20 });
      await ctx.all('admit', site.nodes, (n) => n.name, (n, s) => deps.nodes.hold(n.name, null, s.signal), {
        // Its node may be gone by now; it is out of the star anyway.
        compensate: (_r, s, n) => deps.nodes.hold(n.name, outside, s.signal).catch((e: unknown) => deps.log('warn', 'a node could not be told that it is out', { node: n.name, error: String(e) })),
      });
      await ctx.step('probe-address', (s) => probeAddress(deps, site, s), { attempts: 20 });
      await ctx.step('announce', (s) => announce(deps, deps.clouds, site, region, true, s.signal));
      await ctx.step('finish', () => deps.store.setMembership(site.name, 'member', ctx.jobId, deps.clock.now()), { uncancellable: true });
      const seconds = ((await ctx.now('ended')).getTime() - begun.getTime()) / 1000;
      return { site: site.name, state: 'member', nodes: site.nodes.map((n) => n.name), seeded: site.nodes.filter((_, i) => seeded[i]?.seeded).map((n) => n.name), seconds };
    },
  };
}

async function preflight(deps: Deps, site: StarSite, jobId: string): Promise<{ readonly before?: 'left' }> {
  const there = (await deps.store.memberships()).find((m) => m.site === site.name);
  if (there?.jobId === jobId) return {};
  const report = await joinPreflight(deps, site);
  if (!report.ok) throw refuse(report);
  return there?.state === 'left' ? { before: 'left' } : {};
}

/** Its database: of a master the operator has made it a member; a replica is built if it does not follow already. */
async function replicate(deps: Deps, name: string, s: StepContext): Promise<{ seeded: boolean }> {
  const node = deps.star.node(name);
  const view = await look(deps);
  if (node.role === 'master') {
    const state = databaseState(databaseOf(view, name), Infinity);
    if (state === 'Synced') return { seeded: false };
    throw new GodwitError('GW_DATABASE_NOT_MEMBER', 'waiting', `the MariaDB of ${name} is not a synced member of the master cluster (${state})`, { site: node.site, resource: `node ${name}`, action: 'Let it join the Galera cluster; this goes on by itself.' });
  }
  const choice = chooseSource(deps, view, node);
  const address = choice && addressOf(choice.node);
  if (!choice || !address) throw new GodwitError('GW_MASTER_AWAY', 'waiting', `no master is there to feed ${name}`, { site: node.site, resource: `node ${name}`, action: 'It goes on by itself when one is back.' });
  if (!needsSeed(deps, view, name)) return { seeded: false };
  s.progress({ phase: 'Seeding', item: name, message: `from ${choice.node.name}` });
  await deps.nodes.seed(name, address, { force: true }, s.signal);
  await see(deps, name, { name: choice.node.name, address }, s);
  if (choice.node.site !== node.source) await deps.store.setDetour(name, choice.node.site, deps.clock.now());
  return { seeded: true };
}

async function members(deps: Deps, without: string): Promise<StarSite[]> {
  const names = new Set((await deps.store.memberships()).filter((m) => m.state === 'member').map((m) => m.site));
  return deps.star.sites.filter((x) => names.has(x.name) && x.name !== without);
}

async function probe(deps: JoinDeps, site: StarSite, region: string, s: StepContext): Promise<{ ok: true }> {
  s.progress({ phase: 'Probing', message: 'tokens of every Keystone there at all others, and back' });
  const wrong = await deps.prober.between(site, await reachable(deps, site.name), s.signal);
  // That the region was made a moment ago is seen there: so changes really arrive.
  for (const n of site.nodes) {
    const seen = await deps.clouds.at(site.name, n.url).identity.regions.list({}, { signal: s.signal, retries: 0 }).then((r) => r.some((x) => x.id === region), (e: Error) => e.message);
    if (seen !== true) wrong.push({ from: n.name, to: n.name, message: seen === false ? `it does not have region ${region} yet` : seen });
  }
  if (wrong.length === 0) return { ok: true };
  throw probeFailed(site.name, wrong);
}

/** A member that is lost must not keep another site from joining: it is not asked. */
async function reachable(deps: Deps, without: string): Promise<StarSite[]> {
  const connected = new Set((await deps.nodes.list()).filter((n) => n.connected).map((n) => n.name));
  return (await members(deps, without)).filter((x) => x.nodes.some((n) => connected.has(n.name))).map((x) => ({ ...x, nodes: x.nodes.filter((n) => connected.has(n.name)) }));
}

async function probeAddress(deps: JoinDeps, site: StarSite, s: StepContext): Promise<{ ok: true }> {
  s.progress({ phase: 'ProbingAddress', message: site.url });
  const bad = await deps.prober.atItsAddress(site, s.signal);
  if (bad.length === 0) return { ok: true };
  throw probeFailed(site.name, bad);
}

const probeFailed = (site: string, wrong: readonly { from: string; to: string; message: string }[]): GodwitError =>
  new GodwitError('GW_PROBE_FAILED', 'retryable', `${wrong.length} of the tokens tried are not good: of ${wrong[0]?.from ?? ''} at ${wrong[0]?.to ?? ''}: ${wrong[0]?.message ?? ''}`, {
    site, action: 'godwit identity check --site SITE looks at all that is needed for it.', details: { wrong: wrong.slice(0, 20) },
  });
