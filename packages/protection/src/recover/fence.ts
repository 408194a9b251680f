import { isOpenStackError, type Cloud, type Server } from '@godwit/openstack';
import { at, GodwitError, projectOf, type ProjectRef, toGodwitError } from '@godwit/sites';
import { isDatabaseAway, type StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { waitFor } from '../cinder/wait.ts';
import { type Fence } from '../store/store.ts';
import type { RecoveryPlan } from './assess.ts';
import { epochOf, serversOfGroup } from './find.ts';
import { isNotFound } from '../not-found.ts';
import { whyLost } from './lost.ts';

/** How long a site that is said to be down is still asked to stop the members. Time enough to lock them. */
const vouchedTimeoutMs = 15_000;

/** A site whose Keystone answers each time, and whose Nova never, is not lost. */
const fenceAttempts = 3;

/**
 * Stops and locks the group's servers at the site it leaves. True: they are seen to be stopped. False: that site cannot be reached, and
 * they are fenced when it comes back. A site that answers but does not stop them (its APIs are up, a hypervisor is dead) is neither: then
 * nothing may be started elsewhere, unless somebody vouches that the members do not run.
 */
export async function fenceSource(deps: Deps, plan: RecoveryPlan, s: StepContext, { vouched = false } = {}): Promise<boolean> {
  const fence = (await deps.store.fences()).find((f) => f.groupId === plan.group.id && f.epoch === plan.epoch);
  if (!fence) return true;
  s.progress({ phase: 'Fencing', item: fence.site });
  for (let attempt = 1; ; attempt++) {
    const lost = await whyLost(deps, fence.site, s.signal);
    if (lost !== undefined) {
      s.log(`${fence.site} cannot be reached: ${lost}; it is fenced when it comes back`);
      return false;
    }
    try {
      await carryOut(deps, fence, vouched ? AbortSignal.any([s.signal, AbortSignal.timeout(vouchedTimeoutMs)]) : s.signal);
      return true;
    } catch (error) {
      s.signal.throwIfAborted();
      // The members are stopped, only the note of it is missing: the site has not failed.
      if (isDatabaseAway(error)) throw error;
      if (vouched) {
        s.log(`${fence.site} did not stop the members, which are said to be down; it is fenced as soon as it does`);
        return false;
      }
      const e = toGodwitError(error, { site: fence.site });
      // Keystone answered, and then a connection broke: the rest of the site went down meanwhile, or it was that connection alone.
      if (e.code === 'GW_SITE_UNREACHABLE' && attempt < fenceAttempts) continue;
      throw new GodwitError('GW_FENCE_FAILED', 'terminal', `${fence.site} answers, but its members could not be stopped: ${e.message}`, {
        site: fence.site,
        action: 'Stop and lock the members there by hand, or cut the site off; then recover again. When you have made sure that they do not run: recover with --source-is-down.',
        requestId: e.requestId,
        cause: error,
      });
    }
  }
}

/**
 * Locks, so that nobody starts it again by mistake, stops, and waits until stopped: the members, and whatever an earlier recovery of the
 * group made at that site. What is gone needs no fence. May be run again at any point.
 */
export async function carryOut(deps: Deps, fence: Fence, signal: AbortSignal): Promise<void> {
  const project = projectOf(fence.project);
  const earlier = (await serversOfGroup(deps, { id: fence.groupId, project }, fence.site)).filter((v) => epochOf(v) < fence.epoch);
  await shutOut(deps, { site: fence.site, project, epoch: fence.epoch }, [...new Set([...fence.servers, ...earlier.map((v) => v.id)])], signal);
  await deps.store.fenced(fence, deps.clock.now());
}

/** Servers at a site stopped and locked, under an epoch. What is gone needs no fence. */
export async function shutOut(deps: Deps, { site, project, epoch }: { readonly site: string; readonly project: ProjectRef; readonly epoch: number }, servers: readonly string[], signal: AbortSignal): Promise<void> {
  const { compute } = deps.sites.get(site).asProject(project);
  await at(site, () =>
    Promise.all(
      servers.map(async (id) => {
        try {
          const server = await compute.servers.get(id);
          if (!isOurLock(server, epoch)) {
            // Nova accepts a lock over another (the tenant's, or ours of an earlier epoch), and keeps the old one with its reason.
            if (server.locked === true) await compute.servers.unlock(id);
            await compute.servers.lock(id, { reason: lockReason(epoch, atRest(server)) });
          }
          await stop(deps, compute, site, id, signal);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    ),
  );
}

/** Not running, and not by itself going to: Nova refuses to stop it, and the lock keeps it so. */
const restStatuses = new Set(['SHUTOFF', 'PAUSED', 'SUSPENDED', 'SHELVED', 'SHELVED_OFFLOADED', 'SOFT_DELETED', 'DELETED']);
const atRest = (server: Server): boolean => restStatuses.has(server.status);

/** Kept at the site, by the lock's reason: what an undo must start again. */
const lockText = 'Godwit: its group is active elsewhere, epoch ';
const lockReason = (epoch: number, wasAtRest: boolean): string => `${lockText}${epoch}${wasAtRest ? '; was not running' : ''}`;

/** The epoch under which a server was shut out by its lock; 0 for one that is not locked by us. */
export const shutOutEpoch = (server: Server): number => (server.locked === true && server.locked_reason?.startsWith(lockText) ? parseInt(server.locked_reason.slice(lockText.length), 10) || 0 : 0);
const isOurLock = (server: Server, epoch: number): boolean => shutOutEpoch(server) === epoch;

async function stop(deps: Deps, compute: Cloud['compute'], site: string, id: string, signal: AbortSignal): Promise<void> {
  await waitFor(
    async () => {
      const server = await compute.servers.get(id);
      if (atRest(server)) return true;
      // One that is being stopped already (by an earlier try of ours, say) refuses to be stopped.
      if (!server['OS-EXT-STS:task_state']) {
        await compute.servers.stop(id).catch((error: unknown) => {
          if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
        });
      }
      return undefined;
    },
    {
      clock: deps.clock,
      signal,
      pollMs: 1_000,
      timeoutMs: 120_000,
      onTimeout: () => new GodwitError('GW_FENCE_FAILED', 'retryable', `${site}: server ${id} did not stop within 120 s`, { site, resource: `server ${id}` }),
    },
  );
}

/**
 * Undo: what this recovery locked at the old site is unlocked, and started if it ran; the group stays there. Never while anything of
 * the recovery is left at the other site: better none than two.
 */
export async function unfenceSource(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void> {
  const site = plan.group.activeSite;
  const lost = await whyLost(deps, site, s.signal);
  if (lost !== undefined) {
    s.log(`${site} cannot be reached, so nothing of it is unlocked: ${lost}`);
    return;
  }
  const left = await serversOfGroup(deps, plan.group, plan.to, plan.epoch);
  if (left.length > 0) {
    throw new GodwitError('GW_FENCE_FAILED', 'terminal', `${plan.to}: servers of the failed recovery are left, so those at ${site} stay stopped and locked: ${left.map((v) => v.id).join(', ')}`, {
      site,
      action: `Delete them, then unlock and start the members at ${site}.`,
    });
  }
  const { compute } = deps.sites.get(site).asProject(plan.group.project);
  await at(site, () =>
    Promise.all(
      plan.group.members.map(async ({ serverId }) => {
        try {
          const server = await compute.servers.get(serverId);
          if (!isOurLock(server, plan.epoch)) return;
          if (server.status === 'SHUTOFF' && server.locked_reason === lockReason(plan.epoch, false)) {
            await compute.servers.start(serverId).catch((error: unknown) => {
              if (!isOpenStackError(error, 'OS_CONFLICT')) throw error; // it is being started
            });
          }
          // Last: the lock is what tells a second try that there is something to do.
          await compute.servers.unlock(serverId);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    ),
  );
}
