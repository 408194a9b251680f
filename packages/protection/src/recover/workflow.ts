import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { methodOf } from '../methods/index.ts';
import { handOver, takeBackHere, type HandedOver } from '../methods/replication/hand-over.ts';
import type { RestoredVolume } from '../methods/types.ts';
import type { RecoveryResult } from '../schemas.ts';
import { bootServer, deleteServers, type BootedServer } from './boot.ts';
import { abortFailover, beginFailover, unlessFinished } from './epoch.ts';
import { fenceSource, unfenceSource } from './fence.ts';
import { finish } from './finish.ts';
import { createPorts, deletePorts } from './ports.ts';
import { assess } from './assess.ts';

export interface RecoverInput {
  readonly groupId: string;
  readonly pointId: string;
  readonly to: string;
  /** Somebody vouches that nothing of the group runs at the site it leaves, whatever that site says. */
  readonly sourceIsDown?: boolean;
  /** The site it leaves hands its storage over: nothing is lost, and both sites are needed. */
  readonly planned?: boolean;
  /** When the person asked, ISO 8601: RPO and RTO are counted from it. */
  readonly requestedAt: string;
}

/**
 * A member that boots earlier gets its volumes earlier, so that its boot and the others' restores go on side by side. Members boot one after
 * another and take about as long each: what starts later by this waits for nothing.
 */
const headStartMs = 5_000;

/**
 * recover: readiness → a new epoch → side by side: the source fenced, or noted for when it comes back; volumes restored; ports made with
 * their old MAC and IP → servers booted in order, each as soon as its own things are there → the group is active there.
 */
export function recoverWorkflow(deps: Deps): WorkflowDefinition<RecoverInput, RecoveryResult> {
  return {
    name: 'recover',
    run: async (ctx: WorkflowContext, input: RecoverInput) => {
      const plan = await ctx.step('assess', (s) => assess(deps, input, s));
      if (plan.alreadyActive) return plan.alreadyActive;
      const { store } = methodOf(plan);
      // A cancel that comes when all is done must not take down what is active.
      const undo = (work: () => Promise<void>) => unlessFinished(deps, plan, work);
      await ctx.step('begin-failover', () => beginFailover(deps, plan), {
        compensate: () => undo(() => abortFailover(deps, plan)),
      });
      // Nothing runs before the boot, which waits for the fence. A fence that fails ends what is done beside it.
      const refused = new AbortController();
      const heeding = (s: StepContext): StepContext => ({ ...s, signal: AbortSignal.any([s.signal, refused.signal]) });
      const fenced = ctx
        .step('fence-source', (s) => fenceSource(deps, plan, s, { vouched: input.sourceIsDown === true }), { compensate: (_result, s) => undo(() => unfenceSource(deps, plan, s)) })
        .catch((error: unknown) => {
          refused.abort(new GodwitError('GW_FENCE_FAILED', 'terminal', `${plan.from} is not fenced, so nothing is brought up at ${plan.to}`, { site: plan.from, cause: error }));
          throw error;
        });
      // Where copies are promoted, the site that is left must not be writing any more, or be lost.
      const released: Promise<HandedOver | undefined> = store.afterFence !== true
        ? Promise.resolve(undefined)
        : fenced.then((done) => (plan.planned === true ? ctx.step('hand-over', (s) => handOver(deps, plan, done, s), { compensate: (_result, s) => undo(() => takeBackHere(deps, plan, s)) }) : undefined));
      released.catch((error: unknown) => refused.abort(error));
      let turn: Promise<unknown> = Promise.resolve();
      const restore = () => plan.servers.map((server, n) => {
        const before = turn;
        const restored = ctx.all(
          'restore',
          server.volumes,
          (v) => v.id,
          async (v, step) => {
            const s = heeding(step);
            await released;
            await Promise.race([before, deps.clock.sleep(n * headStartMs, s.signal)]);
            return store.restoreVolume(deps, plan, v, s);
          },
          { compensate: (_result, s) => undo(() => store.deleteRestored(deps, plan, s)) },
        );
        turn = restored.catch(() => undefined);
        return restored;
      });
      // What is handed over goes back only after the other site has given it up: so this is begun after the hand-over, and undone before it.
      const restoring = plan.planned === true ? released.then(restore) : Promise.resolve(restore());
      const volumesOf = async (n: number): Promise<RestoredVolume[]> => (await restoring)[n] ?? [];
      const volumes = plan.servers.map((_server, n) => volumesOf(n));
      const ports = ctx.all('ports', plan.servers, (v) => v.id, (v, s) => createPorts(deps, plan, v, s), {
        compensate: (_result, s) => undo(() => deletePorts(deps, plan, s)),
      });
      // One that fails while another is waited for must not count as nobody's; and what would still begin behind it has begun before anything is undone.
      const all = Promise.allSettled([fenced, released, ports, ...volumes]);
      const servers: BootedServer[] = [];
      for (const [n, server] of plan.servers.entries()) {
        const [, , made, restored] = await Promise.all([fenced, released, ports, volumes[n] ?? []]).catch(async (error: unknown) => {
          await all;
          throw error;
        });
        servers.push(
          await ctx.step(`boot[${server.name}]`, (s) => bootServer(deps, plan, server, restored, made[n] ?? [], s), {
            compensate: (_result, s) => undo(() => deleteServers(deps, plan, s)),
          }),
        );
      }
      const [sourceFenced, handed] = await Promise.all([fenced, released]);
      return ctx.step('finish', () => finish(deps, input, handed ? { ...plan, frozenAt: handed.frozenAt } : plan, servers, sourceFenced));
    },
  };
}
