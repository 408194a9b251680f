import { at, GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { waitFor } from '../cinder/wait.ts';
import { projectOf, type Fence } from '../store/store.ts';
import type { RecoveryPlan } from './assess.ts';
import { isNotFound } from '../not-found.ts';

/** How long a site may keep us waiting before it counts as lost. */
const reachTimeoutMs = 10_000;

/**
 * Stops and locks the group's servers at the site it leaves. True: they are seen to be stopped. False: that site cannot be reached, and
 * they are fenced when it comes back. A site that answers but does not stop them is neither: then nothing may be started elsewhere.
 */
export async function fenceSource(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<boolean> {
  const fence = (await deps.store.fences()).find((f) => f.groupId === plan.group.id && f.epoch === plan.epoch);
  if (!fence) return true;
  s.progress({ phase: 'Fencing', item: fence.site });
  try {
    await at(fence.site, () => deps.sites.get(fence.site).admin.identity.ping({ signal: AbortSignal.timeout(reachTimeoutMs) }));
  } catch (error) {
    s.log(`${fence.site} cannot be reached: ${toGodwitError(error, { site: fence.site }).message}; it is fenced when it comes back`);
    return false;
  }
  try {
    await carryOut(deps, fence, s.signal);
    return true;
  } catch (error) {
    s.signal.throwIfAborted();
    const e = toGodwitError(error, { site: fence.site });
    // Keystone answered, the rest of the site went down meanwhile: lost after all.
    if (e.code === 'GW_SITE_UNREACHABLE') return false;
    throw new GodwitError('GW_FENCE_FAILED', 'terminal', `${fence.site} answers, but its members could not be stopped: ${e.message}`, {
      site: fence.site,
      action: 'Stop and lock the members there by hand, or cut the site off; then recover again.',
      requestId: e.requestId,
      cause: error,
    });
  }
}

/** Stops, waits until stopped, locks. What is gone needs no fence. */
export async function carryOut(deps: Deps, fence: Fence, signal: AbortSignal): Promise<void> {
  const { compute } = deps.sites.get(fence.site).asProject(projectOf(fence.project));
  await at(fence.site, () =>
    Promise.all(
      fence.servers.map(async (id) => {
        try {
          const server = await compute.servers.get(id);
          if (server.status !== 'SHUTOFF') {
            await compute.servers.stop(id);
            await waitFor(async () => ((await compute.servers.get(id)).status === 'SHUTOFF' ? true : undefined), {
              clock: deps.clock,
              signal,
              pollMs: 1_000,
              timeoutMs: 120_000,
              onTimeout: () => new GodwitError('GW_FENCE_FAILED', 'retryable', `${fence.site}: server ${id} did not stop within 120 s`, { site: fence.site, resource: `server ${id}` }),
            });
          }
          await compute.servers.lock(id, { reason: `Godwit: its group is active elsewhere, epoch ${fence.epoch}` });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    ),
  );
  await deps.store.fenced(fence, deps.clock.now());
}
