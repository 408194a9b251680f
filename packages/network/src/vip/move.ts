import { GodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { announce } from './announce.ts';
import type { VipMember, VipMoveInput, VipMoveResult } from './schemas.ts';
import type { GroupPlace, VipRecord } from './types.ts';

/**
 * Writes down who holds the address from now on, under a new epoch, then tells the hypervisors. No Neutron is asked. Two that claim it at once: the one whose
 * write came second names an epoch that is over, and is refused.
 */
export async function moveVip(deps: Deps, vip: VipRecord, to: VipMoveInput, reason: string, groups?: GroupPlace): Promise<VipMoveResult> {
  const begun = performance.now();
  const member = memberOf(vip, to);
  if (vip.group !== undefined && groups) {
    const place = await groups(vip.project, vip.group);
    if (place && place.site !== member.site) throw fenced(vip, `protection group ${vip.group} is active at ${place.site} (epoch ${place.epoch})`, 'Recover the group to that site first.');
  }
  let moved = false;
  const now = deps.clock.now().toISOString();
  const after = await deps.store.updateVip(vip.id, (v) => {
    if (to.epoch !== undefined && to.epoch !== v.epoch) throw fenced(v, `it has moved since: its epoch is ${v.epoch}, not ${to.epoch}, and ${v.holder.site} holds it`, 'godwit vip list shows who holds it.');
    moved = v.holder.site !== member.site || v.holder.port !== member.port;
    return moved ? { ...v, holder: { site: member.site, port: member.port }, epoch: v.epoch + 1, movedAt: now, reason } : v;
  });
  if (!after || after.state !== 'Active') throw unknownVip(vip.name);
  const { told, untold } = await announce(deps, after);
  return { vip: vip.name, address: vip.address, epoch: after.epoch, holder: after.holder, moved, told, untold: [...untold], ms: Math.round(performance.now() - begun) };
}

export function memberOf(vip: VipRecord, to: Pick<VipMoveInput, 'site' | 'port'>): VipMember {
  const found = vip.members.filter((m) => m.site === to.site && (to.port === undefined || m.port === to.port || m.name === to.port));
  if (found[0] && found.length === 1) return found[0];
  throw new GodwitError('GW_VIP_INVALID', 'terminal', `virtual IP ${vip.name} has ${found.length === 0 ? 'no member' : 'several members'} ${to.port ?? ''} at ${to.site}`, { site: to.site, resource: `virtual IP ${vip.name}`, action: `Its members: ${vip.members.map((m) => `${m.site}=${m.name}`).join(', ')}.` });
}

const fenced = (vip: VipRecord, why: string, action: string): GodwitError => new GodwitError('GW_VIP_FENCED', 'terminal', `virtual IP ${vip.name}: ${why}`, { resource: `virtual IP ${vip.name}`, action });

export const unknownVip = (name: string): GodwitError => new GodwitError('GW_VIP_UNKNOWN', 'terminal', `this project has no virtual IP ${name}`, { resource: `virtual IP ${name}`, action: 'godwit vip list shows those there are.' });
