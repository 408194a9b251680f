import { GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { waitFor } from '../../cinder/wait.ts';
import type { Deps } from '../../deps.ts';
import type { RecoveryPlan } from '../../recover/assess.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf } from '../../replication/places.ts';
import type { Held } from '../../replication/types.ts';
import { placeOf } from './where.ts';

export interface HandedOver {
  /** The moment of the data, ISO 8601. */
  readonly frozenAt: string;
}

async function heldAt(deps: Deps, plan: RecoveryPlan, site: string, side: 'cluster' | 'peer'): Promise<Held[]> {
  return byPlace(plan.group.id, await Promise.all(Object.values(plan.replicas ?? {}).map(async (r) => ({ place: await placeOf(deps, site, r, side), image: r.image }))));
}

/**
 * Of a planned move, once the members are stopped: the last of what was written is shipped, and the images are given up here. From then on
 * neither side can be written until the other is promoted. Done twice, it finds them given up.
 */
export async function handOver(deps: Deps, plan: RecoveryPlan, fenced: boolean, s: StepContext): Promise<HandedOver> {
  const driver = driverOf(deps);
  if (!fenced) throw new GodwitError('GW_SITE_UNREACHABLE', 'terminal', `${plan.from} cannot be reached, so it hands nothing over`, { site: plan.from, action: 'Recover without --planned.' });
  const source = await heldAt(deps, plan, plan.from, 'peer');
  // Of the job, so that whoever runs this again finds what an earlier try has left, and takes it away.
  const last = s.jobId;
  const frozenAt = deps.clock.now().toISOString();
  s.progress({ phase: 'HandingOver' });
  for (const held of source) {
    const primary = (await driver.status(held.place, held.images, s.signal)).filter((i) => i.mirror?.primary === true).map((i) => i.image);
    if (primary.length === 0) continue;
    const mine = { ...held, images: primary };
    // Shipped before it is given up: what is on its way is told, and a WAN that is cut now costs nothing.
    const ships = new Map((await driver.mark(mine, last, s.signal)).map((m) => [m.image, m.ships]));
    await untilThere(deps, plan, primary, last, ships, s);
    await driver.unmark(mine, last, s.signal);
    await driver.demote(mine, s.signal);
  }
  return { frozenAt };
}

async function untilThere(deps: Deps, plan: RecoveryPlan, images: readonly string[], point: string, ships: ReadonlyMap<string, number | undefined>, s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  await waitFor(
    async () => {
      const target = await heldAt(deps, plan, plan.to, 'cluster');
      const copies = (await Promise.all(target.map((h) => driver.status(h.place, h.images, s.signal)))).flat();
      const left = images.filter((i) => !copies.some((c) => c.image === i && driver.holds(c, point, ships.get(i))));
      s.progress({ phase: 'HandingOver', done: images.length - left.length, total: images.length, unit: 'volumes' });
      return left.length === 0 ? true : undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 3_600_000, onTimeout: () => new GodwitError('GW_REPLICA_BEHIND', 'terminal', `${plan.to}: the copies do not have the last of what was written after an hour`, { site: plan.to, action: 'Look at rbd-mirror there, and at the network between the sites; then move again.' }) },
  );
}

/** Undo, after the copies were given up at the other side again: they are primary here as they were, without the mark of a hand-over that was not ended. */
export async function takeBackHere(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  for (const held of await heldAt(deps, plan, plan.from, 'peer')) {
    await waitFor(
      async () => {
        try {
          await driver.promote(held, { force: false }, s.signal);
          return true;
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'GW_STORAGE_BUSY') throw error;
          return undefined;
        }
      },
      { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 300_000, onTimeout: () => new GodwitError('GW_REPLICA_BEHIND', 'terminal', `${plan.from}: its images were not handed back within 300 s`, { site: plan.from, action: 'Promote them there (rbd mirror image promote) when the other side has given them up; then start the members.' }) },
    );
    await driver.unmark(held, s.jobId, s.signal);
  }
}
