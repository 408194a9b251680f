import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowDefinition } from '@godwit/workflow';
import { waitFor } from '../../cinder/wait.ts';
import type { Deps } from '../../deps.ts';
import { peerSite } from '../../group-sites.ts';
import { byPlace } from '../../replication/held.ts';
import { driverOf, locate } from '../../replication/places.ts';
import type { Held, Place } from '../../replication/types.ts';
import { readMembers } from '../../inventory/resolve.ts';

export interface ResyncInput {
  readonly groupId: string;
  readonly keep: boolean;
}

interface Twin {
  readonly volumeId: string;
  readonly globalId: string;
  /** As it is called where the group runs, and where it does not. */
  readonly image: string;
  readonly other: string;
  readonly place: Place;
}

/** look → keep → give up → until it follows. What is given up is named in the result, with the copies of it. */
export function resyncWorkflow(deps: Deps): WorkflowDefinition<ResyncInput, { images: string[]; kept: string[] }> {
  return {
    name: 'resync',
    run: async (ctx, input) => {
      const { group, twins, label } = await ctx.step('look', async (s) => {
        const found = await deps.store.group(input.groupId);
        if (!found) throw new GodwitError('GW_GROUP_UNKNOWN', 'terminal', 'the group was deleted', { resource: `group ${input.groupId}` });
        return { group: { id: found.id, name: found.name }, twins: await twinsOf(deps, found.id, s), label: `e${found.epoch}-${ctx.jobId.replaceAll(/[^a-z0-9]/g, '').slice(0, 8)}` };
      });
      const held = byPlace(group.id, twins.map((t) => ({ place: t.place, image: t.other })));
      const driver = driverOf(deps);
      const kept = input.keep
        ? await ctx.step('keep', async (s) => {
            s.progress({ phase: 'KeepingCopies' });
            return (await Promise.all(held.map((h) => driver.keep(h, label, s.signal)))).flat();
          })
        : [];
      await ctx.step('give-up', async (s) => {
        s.progress({ phase: 'GivingUp' });
        for (const h of held) await giveUp(deps, h, twins, s);
      });
      await ctx.all('await-copy', twins, (t) => t.volumeId, (t, s) => follows(deps, t, s));
      return { images: twins.map((t) => `${t.place.pool}/${t.other}`), kept: [...kept] };
    },
  };
}

/** Images that are primary at both sites. Throws GW_RESYNC_NEEDLESS when there are none. */
async function twinsOf(deps: Deps, groupId: string, s: StepContext): Promise<Twin[]> {
  const group = await deps.store.group(groupId);
  if (!group) return [];
  const driver = driverOf(deps);
  const servers = await readMembers(deps.sites.get(group.activeSite), group.project, group.members);
  const located = await locate(deps, group.activeSite, peerSite(group), servers.flatMap((v) => v.volumes));
  const twins: Twin[] = [];
  for (const { record, image, source, target } of located) {
    const [here] = await driver.status(source, [image], s.signal);
    if (here?.mirror?.primary !== true) throw new GodwitError('GW_STORAGE_NOT_PRIMARY', 'terminal', `${source.site}: image ${image} is a copy where group ${group.name} runs`, { site: source.site, resource: `image ${image}`, action: 'Recover the group where its copies are primary.' });
    const names = [...new Set([image, ...(record.origin === undefined ? [] : [`volume-${record.origin}`])])];
    const other = (await driver.status(target, names, s.signal)).find((i) => i.found && i.mirror?.globalId === here.mirror?.globalId);
    // One that follows is left alone: there is nothing to give up.
    if (other?.mirror && (other.mirror.primary || other.replay.some((r) => /split-brain/.test(r.description)))) twins.push({ volumeId: record.id, globalId: other.mirror.globalId, image, other: other.image, place: target });
  }
  if (twins.length > 0) return twins;
  throw new GodwitError('GW_RESYNC_NEEDLESS', 'terminal', `no image of group ${group.name} is primary at both sites`, { site: peerSite(group), resource: `group ${group.name}`, action: 'There is nothing to give up; protect the group where it runs.' });
}

/** An order that is repeated would begin the copy anew: one that has gone, or follows, was told. */
async function giveUp(deps: Deps, held: Held, twins: readonly Twin[], s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  const now = await driver.status(held.place, held.images, s.signal);
  const left = held.images.filter((i) => now.some((n) => n.image === i && n.found && (n.mirror?.primary === true || n.replay.some((r) => /split-brain/.test(r.description))) && twins.some((t) => t.globalId === n.mirror?.globalId)));
  if (left.length > 0) await driver.resync({ ...held, images: left }, s.signal);
}

async function follows(deps: Deps, twin: Twin, s: StepContext): Promise<void> {
  const driver = driverOf(deps);
  await waitFor(
    async () => {
      const copies = await driver.status(twin.place, [...new Set([twin.image, twin.other])], s.signal);
      const copy = copies.find((c) => c.found && c.mirror?.globalId === twin.globalId && !c.mirror.primary);
      s.progress({ phase: 'CopyingAnew', item: twin.other, message: copy?.replay[0]?.state ?? 'begins' });
      return copy?.replay[0]?.state === 'up+replaying' && (copy.mirror?.mode === 'journal' || copy.complete !== undefined) ? true : undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 1_000, timeoutMs: 24 * 3_600_000, onTimeout: () => new GodwitError('GW_REPLICA_BEHIND', 'retryable', `${twin.place.site}: image ${twin.other} is not copied after 24 h`, { site: twin.place.site, resource: `image ${twin.other}`, action: 'Look at rbd-mirror there.' }) },
  );
}
