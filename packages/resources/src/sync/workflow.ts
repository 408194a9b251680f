import { GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { driverOf, drivers } from './drivers.ts';
import { turnedOut } from './outcome.ts';
import { asChange, makePlan, scopeOf, type ActivePolicy } from './plan.ts';
import type { SyncChange, SyncReport } from './schemas.ts';
import type { Action } from './types.ts';

export interface SyncInput {
  readonly policyId: string;
  /** Instead of a policy of that id: once, of which nothing is remembered. */
  readonly once?: ActivePolicy;
}

/** Where the policy's projects and users come from; undefined: it was deleted. */
export type LoadPolicy = (id: string) => Promise<ActivePolicy | undefined>;

/**
 * sync: what differs → the changes, site by site and side by side → what was agreed on is written down. The plan is made anew by each site's
 * step, so that a step that is run twice finds what is left to be done.
 */
export function syncWorkflow(deps: Deps, load: LoadPolicy): WorkflowDefinition<SyncInput, SyncReport> {
  return {
    name: 'sync',
    run: async (ctx: WorkflowContext, input: SyncInput) => {
      const planned = await ctx.step('plan', async (s) => (await freshPlan(deps, load, input, s)).report);
      const sites = [...new Set(planned.changes.map((c) => c.site))].toSorted();
      const applied = await ctx.all('apply', sites, (site) => site, (site, s) => applyAt(deps, load, input, site, s));
      return ctx.step('conclude', async (s) => {
        const { report, active } = await record(deps, load, input, s);
        const changes = [...turnedOut(planned.changes, applied.flat(), report.changes, report.unreachable.map((u) => u.site)), ...report.changes.filter((c) => !sites.includes(c.site))];
        const result: SyncReport = { ...report, changes };
        if (input.once === undefined) await deps.store.putAudit(active.id, deps.clock.now(), result);
        const failed = changes.filter((c) => c.outcome === 'failed');
        if (failed[0]) {
          throw new GodwitError('GW_SYNC_FAILED', 'terminal', `${failed.length} of ${changes.length} changes failed; the first: ${failed[0].key} at ${failed[0].site}: ${failed[0].message ?? ''}`, {
            site: failed[0].site, resource: failed[0].key, action: 'Mend what is named; the next sync goes on with what is left.', details: result,
          });
        }
        return result;
      });
    },
  };
}

async function activePolicy(load: LoadPolicy, input: SyncInput): Promise<ActivePolicy> {
  const active = input.once ?? (await load(input.policyId));
  if (active) return active;
  throw new GodwitError('GW_POLICY_UNKNOWN', 'terminal', 'the policy was deleted', { resource: `sync policy ${input.policyId}` });
}

async function freshPlan(deps: Deps, load: LoadPolicy, input: SyncInput, s: StepContext) {
  s.progress({ phase: 'Comparing' });
  const active = await activePolicy(load, input);
  return { active, ...(await makePlan(deps, active, undefined, s.signal)) };
}

async function applyAt(deps: Deps, load: LoadPolicy, input: SyncInput, site: string, s: StepContext): Promise<SyncChange[]> {
  const { active, actions } = await freshPlan(deps, load, input, s);
  const ours = actions.filter((a) => a.site === site);
  const scope = scopeOf(deps, active, site, s.signal);
  const outcomes = new Map<Action, SyncChange>();
  for (const { kind, some } of inOrder(ours)) {
    const done = (action: Action, error?: unknown): void => {
      if (error === undefined) {
        outcomes.set(action, { ...asChange(action), outcome: 'done' });
      } else {
        if (s.signal.aborted) return;
        const known = toGodwitError(error, { site });
        s.log(`${action.action} ${action.key} at ${site} failed: ${known.message}`);
        outcomes.set(action, { ...asChange(action), outcome: 'failed', message: known.message });
      }
      s.progress({ phase: 'Syncing', item: site, done: outcomes.size, total: ours.length, unit: 'steps' });
    };
    await driverOf(kind).apply(scope, some, done);
    s.signal.throwIfAborted();
  }
  return ours.map((a) => outcomes.get(a) ?? { ...asChange(a), outcome: 'failed', message: 'it was not tried' });
}

/** What others name is made before them, and deleted after them: Neutron keeps an address group while a rule names it. */
export function inOrder(actions: readonly Action[]): { kind: Action['kind']; some: Action[] }[] {
  const kinds = drivers.map((d) => d.kind);
  const of = (kind: Action['kind'], deletions: boolean) => ({ kind, some: actions.filter((a) => a.kind === kind && (a.action === 'delete') === deletions) });
  return [...kinds.map((k) => of(k, false)), ...kinds.toReversed().map((k) => of(k, true))].filter(({ some }) => some.length > 0);
}

/** After the changes, what all sites have is what they agree on: looked at, not believed. */
async function record(deps: Deps, load: LoadPolicy, input: SyncInput, s: StepContext) {
  const { active, agreed, gone, report } = await freshPlan(deps, load, input, s);
  if (input.once === undefined) await deps.store.setBaseline(active.id, agreed, gone);
  return { active, report };
}
