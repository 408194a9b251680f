import type { WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { ThawKeeper } from '../freeze/keeper.ts';
import { methodOf } from '../methods/index.ts';
import type { RecoveryPoint } from '../schemas.ts';
import { backUpVolume, deleteUnfinishedBackup } from './backup.ts';
import { beginPoint, failPoint } from './begin.ts';
import { bringOver } from './bring-over.ts';
import { commitPoint } from './commit.ts';
import { prune } from './prune.ts';
import { prepare } from './prepare.ts';
import { clearProbe, proveTarget } from './prove-target.ts';
import { publish, withdraw } from './publish.ts';
import { undoBriefly } from './undo.ts';

export interface ProtectInput {
  readonly groupId: string;
  readonly pointId: string;
}

export interface ProtectDeps extends Deps {
  readonly keeper: ThawKeeper;
}

/**
 * protect: resolve and preflight → prove the backup target → the method catches the moment → backups side by side → what no backup holds →
 * chains brought over and verified → manifest → the point counts → retention. Each stage is a module of its own beside this one, or the
 * method's. Names and order of the steps are in the journals of running jobs: they stay as they are (a test holds them).
 */
export function protectWorkflow(deps: ProtectDeps): WorkflowDefinition<ProtectInput, { point: RecoveryPoint }> {
  return {
    name: 'protect',
    run: async (ctx: WorkflowContext, input: ProtectInput) => {
      const prepared = await ctx.step('prepare', (s) => prepare(deps, input, s));
      // As it was when the job began: another method chosen meanwhile is the next point's.
      const method = methodOf(prepared.group.policy);
      await ctx.step('begin', () => beginPoint(deps, input, prepared, ctx.jobId), { compensate: () => failPoint(deps, input, prepared) });
      if (method.backsUp) await ctx.step('prove-target', (s) => proveTarget(deps, input, prepared, s), { compensate: (_result, s) => undoBriefly(() => clearProbe(deps, input, prepared, s)) });
      const making = { deps, input, prepared };
      const captured = await method.capture(ctx, making);
      const backups = await ctx.all('backup', method.backsUp ? prepared.volumes : [], (v) => v.id, (v, s) => backUpVolume(deps, input, prepared, captured, v, s), {
        compensate: (_result, s, volume) => undoBriefly(() => deleteUnfinishedBackup(deps, input, prepared, volume, s)),
      });
      const carried = await method.carry(ctx, making, captured);
      await method.release(ctx, making);
      const chains = await ctx.all('bring-over', backups, (b) => b.volumeId, (b, s) => bringOver(deps, prepared, b, s));
      const manifest = await ctx.step('publish', (s) => publish(deps, input, prepared, captured, chains, carried, s), {
        compensate: () => undoBriefly(() => withdraw(deps, input, prepared)),
      });
      const point = await ctx.step('commit', () => commitPoint(deps, input, prepared, captured, chains, carried, manifest));
      await ctx.step('prune', (s) => prune(deps, input.groupId, s));
      return { point };
    },
  };
}
