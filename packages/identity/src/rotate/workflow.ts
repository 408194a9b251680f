import { GodwitError } from '@godwit/sites';
import type { WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { deliver } from '../keys/deliver.ts';
import { primaryOf } from '../keys/generation.ts';
import type { KeyKind } from '../nodes.ts';
import type { RotationResult } from '../schemas.ts';
import { refuse } from '../refuse.ts';
import { checkRotation } from './check.ts';
import { migrateCredentials, waitForReplicas } from './migrate.ts';
import { promote, prune, stage } from './phases.ts';

export interface RotateInput {
  readonly kind: KeyKind;
  /**
   * The generation that the caller saw: a rotation that was asked for twice is made once. -1: whatever there is, and as soon as it may be: a site
   * that has left knows the keys, so this one does not end because there is no room yet, or a node's clock is wrong. It waits.
   */
  readonly from: number;
}

/**
 * rotate: a new key is staged at every node → all have shown it → it becomes the primary at every node → all have shown it → (credentials are
 * encrypted with it, and every replica has them) → what no living token can need is dropped everywhere.
 *
 * Each stage is safe to stay in: before the promotion begins everybody accepts the new key, before the pruning begins nobody signs with the
 * old one. So a cancel or a crash needs nothing undone; the next rotation goes on from any of them.
 */
export function rotateWorkflow(deps: Deps): WorkflowDefinition<RotateInput, RotationResult> {
  return {
    name: 'identity-rotate',
    run: async (ctx: WorkflowContext, { kind, from: seen }: RotateInput) => {
      const begun = await ctx.now('begun');
      const { generation: from } = await ctx.step('check', () => preflight(deps, kind, seen, ctx.jobId));
      const one = await ctx.step('stage', () => stage(deps, kind, from, ctx.jobId));
      const nodes = await ctx.step('prove-staged', (s) => deliver(deps, kind, one.generation, 'ProvingStaged', s));
      const two = await ctx.step('promote', () => promote(deps, kind, one.generation, ctx.jobId));
      await ctx.step('prove-promoted', (s) => deliver(deps, kind, two.generation, 'ProvingPromoted', s));
      if (kind === 'credential') {
        const migrated = await ctx.step('migrate-credentials', (s) => migrateCredentials(deps, s));
        await ctx.step('replicate-credentials', (s) => waitForReplicas(deps, migrated.gtid, s));
      }
      const three = await ctx.step('prune', (s) => prune(deps, kind, two.generation, ctx.jobId, s));
      if (three.dropped > 0) await ctx.step('prove-pruned', (s) => deliver(deps, kind, three.generation, 'ProvingPruned', s));
      const seconds = ((await ctx.now('ended')).getTime() - begun.getTime()) / 1000;
      return ctx.step('finish', () => finish(deps, kind, three.generation, { nodes: nodes.nodes, dropped: three.dropped, seconds }));
    },
  };
}

async function preflight(deps: Deps, kind: KeyKind, from: number, jobId: string): Promise<{ generation: number }> {
  const { current, findings } = await checkRotation(deps, kind);
  // Its own first stage, after a crash: done, and not to be judged again.
  if (current.jobId === jobId) return { generation: current.generation - 1 };
  if (from >= 0 && current.generation !== from) throw new GodwitError('GW_ROTATION_PASSED', 'terminal', `the ${kind} keys were rotated meanwhile: generation ${current.generation}, not ${from}`, { resource: `${kind} keys`, action: 'Look at godwit identity status; rotate again if you want one more.' });
  if (findings.length > 0) throw refuse({ ok: false, subject: `${kind} keys`, findings: [...findings], plan: [] }, from === -1 ? 'waiting' : 'terminal');
  return { generation: current.generation };
}

/** The keys that were dropped everywhere are forgotten here too; only their hashes stay. */
async function finish(deps: Deps, kind: KeyKind, generation: number, facts: { nodes: number; dropped: number; seconds: number }): Promise<RotationResult> {
  // The keys first: one that another job has begun with since is not among them.
  const keys = await deps.store.keys(kind);
  const current = await deps.store.generation(kind);
  if (!current) throw new Error('no keys after a rotation');
  const used = new Set(current.entries.map((e) => e.id));
  await deps.store.erase(keys.filter((k) => !used.has(k.id) && k.sealed !== undefined).map((k) => k.id));
  return { kind, generation, primary: primaryOf(current).index, keys: current.entries.length, ...facts };
}
