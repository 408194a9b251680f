import type { WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { ThawKeeper } from '../freeze/keeper.ts';
import type { RecoveryPoint } from '../schemas.ts';
import { backUpVolume, deleteUnfinishedBackup } from './backup.ts';
import { beginPoint, failPoint } from './begin.ts';
import { bringOver } from './bring-over.ts';
import { commitPoint } from './commit.ts';
import { prune } from './prune.ts';
import { abandonWindow, dropGroupSnapshot, freezeAndSnapshot } from './freeze-and-snapshot.ts';
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
 * protect: resolve and preflight → prove the backup target → the freeze window → backups side by side → chains brought over and
 * verified → manifest → the point counts → retention. Each stage is a module of its own beside this one.
 */
export function protectWorkflow(deps: ProtectDeps): WorkflowDefinition<ProtectInput, { point: RecoveryPoint }> {
  return {
    name: 'protect',
    run: async (ctx: WorkflowContext, input: ProtectInput) => {
      const prepared = await ctx.step('prepare', (s) => prepare(deps, input, s));
      await ctx.step('begin', () => beginPoint(deps, input, prepared, ctx.jobId), { compensate: () => failPoint(deps, input, prepared) });
      await ctx.step('prove-target', (s) => proveTarget(deps, input, prepared, s), { compensate: (_result, s) => undoBriefly(() => clearProbe(deps, input, prepared, s)) });
      const window = await ctx.step('freeze-and-snapshot', (s) => freezeAndSnapshot(deps, input, prepared, s), {
        attempts: 1,
        uncancellable: true,
        compensate: (_result, s) => undoBriefly(() => abandonWindow(deps, input, prepared, s)),
      });
      const backups = await ctx.all('backup', prepared.volumes, (v) => v.id, (v, s) => backUpVolume(deps, input, prepared, window, v, s), {
        compensate: (_result, s, volume) => undoBriefly(() => deleteUnfinishedBackup(deps, input, prepared, volume, s)),
      });
      await ctx.step('drop-snapshot', (s) => dropGroupSnapshot(deps, input, prepared, s));
      const chains = await ctx.all('bring-over', backups, (b) => b.volumeId, (b, s) => bringOver(deps, prepared, b, s));
      const manifest = await ctx.step('publish', (s) => publish(deps, input, prepared, window, chains, s), {
        compensate: () => undoBriefly(() => withdraw(deps, input, prepared)),
      });
      const point = await ctx.step('commit', () => commitPoint(deps, input, prepared, window, chains, manifest));
      await ctx.step('prune', (s) => prune(deps, input.groupId, s));
      return { point };
    },
  };
}
