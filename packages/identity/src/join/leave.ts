import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { KeyKind } from '../nodes.ts';
import { refuse } from '../refuse.ts';
import { regionOf } from '../render/files.ts';
import type { Finding, MembershipResult, StarReport } from '../schemas.ts';
import type { StarNode, StarSite } from '../star.ts';
import { chooseSource } from '../topology/choose.ts';
import { addressOf, databaseOf, feeds, look, sourceOf } from '../topology/view.ts';
import { see } from '../topology/repoint.ts';
import { announce, removeEndpoints } from './catalog.ts';
import type { JoinDeps } from './workflow.ts';

export interface LeaveDeps extends JoinDeps {
  /** Begins a rotation under a job id that is the same each time. */
  readonly rotate: (kind: KeyKind, jobId: string) => Promise<string>;
}

export interface LeaveInput {
  readonly site: string;
  /** Nothing of it answers, or ever will: it is not waited for. */
  readonly lost: boolean;
}

/** What would keep a site from leaving. */
export async function leavePreflight(deps: JoinDeps, site: StarSite, lost: boolean): Promise<StarReport> {
  const view = await look(deps);
  const findings: Finding[] = [];
  const state = view.memberships.get(site.name)?.state;
  if (state === undefined || state === 'left') findings.push({ code: 'GW_STAR_NOT_MEMBER', site: site.name, message: `${site.name} is not in the star`, action: 'Look at godwit identity status.' });
  const otherMasters = deps.star.nodes.filter((n) => n.role === 'master' && n.site !== site.name && ['member', 'joining'].includes(view.memberships.get(n.site)?.state ?? ''));
  if (site.role === 'master' && !otherMasters.some((n) => feeds(view, n))) findings.push({ code: 'GW_LAST_MASTER', site: site.name, message: `${site.name} is the only master site that can write now`, action: 'Another must be a synced member of the cluster first. If the cluster lost its majority with this site, see docs/operators/identity.md, "A master site is lost".' });
  const away = site.nodes.filter((n) => view.states.get(n.name)?.connected !== true);
  if (!lost && away.length > 0) findings.push({ code: 'GW_NODE_AWAY', site: site.name, resource: `node ${away[0]?.name ?? ''}`, message: `${away.map((n) => n.name).join(', ')} cannot be told that the star goes on without ${site.name}`, action: 'Wait until they are back; if they never will be, and do not serve anybody: godwit identity leave SITE --lost.' });
  const fed = replicasOf(deps, site.name, view);
  const plan = [
    'take its endpoints out of the catalogue',
    ...(lost ? [] : [`hold ${site.nodes.map((n) => n.name).join(', ')} out of service`]),
    ...fed.map((n) => `let ${n.name} follow another master`),
    'rotate the token keys: what the site has of them must not be good for long',
  ];
  return { ok: findings.length === 0, subject: `site ${site.name}`, findings, plan };
}

const replicasOf = (deps: JoinDeps, site: string, view: Awaited<ReturnType<typeof look>>): StarNode[] =>
  deps.star.nodes.filter((n) => n.role === 'replica' && n.site !== site && (sourceOf(deps, databaseOf(view, n.name))?.site ?? n.source) === site && ['member', 'joining'].includes(view.memberships.get(n.site)?.state ?? ''));

/**
 * leave: out of the catalogue → held out of service → its replicas follow another master → out of the star, so that nothing waits for it any more →
 * new keys. What it leaves behind there (database, keys) is its operator's; the keys it knows end with the last token that they signed.
 */
export function leaveWorkflow(deps: LeaveDeps): WorkflowDefinition<LeaveInput, MembershipResult> {
  return {
    name: 'identity-leave',
    run: async (ctx: WorkflowContext, { site: name, lost }: LeaveInput) => {
      const begun = await ctx.now('begun');
      const site = deps.star.site(name);
      const region = regionOf(site, deps.sites.get(name).region);
      await ctx.step('check', () => preflight(deps, site, lost, ctx.jobId));
      await ctx.step('withdraw', async (s) => {
        await announce(deps, deps.clouds, site, region, false, s.signal, name);
        await deps.store.setMembership(name, 'leaving', ctx.jobId, deps.clock.now());
      }, {
        compensate: async (_r, s) => {
          await announce(deps, deps.clouds, site, region, true, s.signal, name);
          await deps.store.setMembership(name, 'member', ctx.jobId, deps.clock.now());
        },
      });
      if (!lost) {
        await ctx.all('hold', site.nodes, (n) => n.name, (n, s) => deps.nodes.hold(n.name, 'its site has left the star', s.signal), {
          compensate: (_r, s, n) => deps.nodes.hold(n.name, null, s.signal).catch((e: unknown) => deps.log('warn', 'a node could not be let in again', { node: n.name, error: String(e) })),
        });
      }
      const fed = await ctx.step('who-follows-it', async () => replicasOf(deps, name, await look(deps)).map((n) => n.name));
      await ctx.all('repoint', fed, (n) => n, (n, s) => elsewhere(deps, n, name, s));
      await ctx.step('leave', () => deps.store.setMembership(name, 'left', ctx.jobId, deps.clock.now()), { uncancellable: true });
      await ctx.step('remove-endpoints', (s) => removeEndpoints(deps, deps.clouds, site, region, s.signal, { without: name }), { uncancellable: true });
      const rotation = await ctx.step('rotate', () => deps.rotate('fernet', `${ctx.jobId}-rotate`), { uncancellable: true });
      const seconds = ((await ctx.now('ended')).getTime() - begun.getTime()) / 1000;
      return { site: name, state: 'left', nodes: site.nodes.map((n) => n.name), seeded: [], seconds, rotation };
    },
  };
}

async function preflight(deps: JoinDeps, site: StarSite, lost: boolean, jobId: string): Promise<void> {
  if ((await deps.store.memberships()).some((m) => m.site === site.name && m.jobId === jobId)) return;
  const report = await leavePreflight(deps, site, lost);
  if (!report.ok) throw refuse(report);
}

async function elsewhere(deps: JoinDeps, replica: string, without: string, s: StepContext): Promise<{ source: string }> {
  const view = await look(deps);
  const choice = chooseSource(deps, view, deps.star.node(replica), { without });
  const address = choice && addressOf(choice.node);
  if (!choice || !address) throw new GodwitError('GW_MASTER_AWAY', 'waiting', `no other master is there to feed ${replica}`, { resource: `node ${replica}`, action: 'It goes on by itself when one is back.' });
  // One that is away now is mended when it is back: its source is out of the star by then.
  if (view.states.get(replica)?.connected !== true) return { source: '' };
  await deps.nodes.repoint(replica, address, s.signal);
  await see(deps, replica, { name: choice.node.name, address }, s);
  await deps.store.setDetour(replica, deps.star.node(replica).source === choice.node.site ? undefined : choice.node.site, deps.clock.now());
  return { source: choice.node.name };
}
