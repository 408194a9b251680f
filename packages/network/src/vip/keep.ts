import { at, projectOf } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { RESERVED } from '../names.ts';
import { findingOf } from '../reconcile/apply.ts';
import type { GatewayEnds } from '../gateway/types.ts';
import type { SiteView } from '../reconcile/observe.ts';
import type { Finding } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import { announce } from './announce.ts';
import { moveVip } from './move.ts';
import type { GroupPlace, VipRecord } from './types.ts';

export interface KeepOptions {
  readonly keep: () => Promise<void>;
  readonly groups?: GroupPlace | undefined;
  /** In mode gateway. */
  readonly ends?: GatewayEnds | undefined;
}

/** The virtual IPs of a network put in order at the sites that could be asked: the address reserved, its pair on each member's port; then moved, if it is to move by itself. Returns whether a port was changed. */
export async function keepVips(deps: Deps, record: NetworkRecord, views: readonly SiteView[], { keep, groups, ends }: KeepOptions): Promise<boolean> {
  let changed = false;
  for (const vip of await deps.store.vips(record.id)) {
    const findings: Finding[] = [];
    const attempt = async (site: string, resource: string, work: () => Promise<unknown>): Promise<void> => {
      await keep();
      try {
        await at(site, work, resource);
        changed = true;
      } catch (error) {
        findings.push(findingOf(error, site, resource));
      }
    };
    for (const view of views) await keepAt(view, vip);
    if (vip.state === 'Removing') {
      if (views.length === record.sites.length && findings.length === 0) {
        await announce(deps, vip);
        await deps.store.deleteVip(vip.id);
      }
      continue;
    }
    const members = vip.members.map((m) => {
      const view = views.find((v) => v.site === m.site);
      const port = view?.local.find((p) => p.id === m.port);
      return view ? { ...m, ...(port && { mac: port.mac, host: port.host }), active: port?.active === true } : m;
    });
    const seen = new Map(views.map((v) => [v.site, { site: v.site, networkId: v.networkId, hosts: Object.fromEntries(v.vteps), ...(ends?.get(v.site) && { via: ends.get(v.site)?.siteAddress ?? '' }) }]));
    const places = record.sites.flatMap((s) => seen.get(s.site) ?? vip.places.find((p) => p.site === s.site) ?? []);
    const updated = (await deps.store.updateVip(vip.id, (v) => ({ ...v, members, places, findings }))) ?? vip;
    if (!(await moveByItself(updated, new Set(views.map((v) => v.site))))) await announce(deps, updated);

    async function keepAt(view: SiteView, v: VipRecord): Promise<void> {
      const { ports } = deps.sites.get(view.site).asProject(projectOf(record.project)).network;
      const reserved = view.local.find((p) => p.ips.includes(v.address));
      const ours = reserved?.owner === RESERVED && reserved.deviceId === v.id;
      const removing = v.state === 'Removing';
      if (reserved && !ours && !removing) findings.push({ code: 'GW_VIP_ADDRESS_TAKEN', site: view.site, resource: `port ${reserved.id}`, message: `${view.site}: ${v.address} is the address of port ${reserved.id}`, action: 'Delete that port, or choose another address for the virtual IP.' });
      if (!reserved && !removing) await attempt(view.site, `virtual IP ${v.name}`, () => ports.create({ network_id: view.networkId, name: `vip ${v.name}`, description: `godwit virtual ip ${v.id}`, device_owner: RESERVED, device_id: v.id, fixed_ips: [{ ip_address: v.address }], security_groups: [] }));
      if (reserved && ours && removing) await attempt(view.site, `port ${reserved.id}`, () => ports.delete(reserved.id));
      for (const m of v.members.filter((x) => x.site === view.site)) {
        const port = view.local.find((p) => p.id === m.port);
        if (!port) {
          if (!removing) findings.push({ code: 'GW_VIP_INVALID', site: view.site, resource: `port ${m.port}`, message: `${view.site}: port ${m.name} of virtual IP ${v.name} is not there any more`, action: 'Make the virtual IP anew with the ports that there are.' });
          continue;
        }
        const has = port.pairs.some((p) => p.startsWith(`${v.address} `));
        if (has !== removing || !port.portSecurity) continue;
        const pairs = removing ? port.pairs.filter((p) => !p.startsWith(`${v.address} `)) : [...port.pairs, `${v.address} ${port.mac}`];
        await attempt(view.site, `port ${port.id}`, () => ports.update(port.id, { allowed_address_pairs: pairs.map((p) => ({ ip_address: p.slice(0, p.indexOf(' ')), mac_address: p.slice(p.indexOf(' ') + 1) })) }));
      }
    }
  }
  return changed;

  /** The holder's port is not ACTIVE where that could be seen, or its group is active elsewhere. Of a site that cannot be asked it is not known: there only the group's epoch decides. */
  async function moveByItself(vip: VipRecord, asked: ReadonlySet<string>): Promise<boolean> {
    if (!vip.automatic) return false;
    const place = vip.group === undefined ? undefined : await groups?.(vip.project, vip.group);
    const holder = vip.members.find((m) => m.site === vip.holder.site && m.port === vip.holder.port);
    const elsewhere = place !== undefined && place.site !== vip.holder.site;
    const down = asked.has(vip.holder.site) && holder?.active !== true;
    if (!elsewhere && !down) return false;
    const next = vip.members.find((m) => m.active && asked.has(m.site) && m !== holder && (place === undefined || m.site === place.site));
    if (!next) return false;
    deps.log('warn', 'a virtual IP moves by itself', { vip: vip.name, from: vip.holder.site, to: next.site });
    try {
      await moveVip(deps, vip, { site: next.site, port: next.port, epoch: vip.epoch }, elsewhere ? `its group is active at ${place.site}` : `the port of its holder at ${vip.holder.site} was not ACTIVE`, groups);
      return true;
    } catch (error) {
      deps.log('warn', 'a virtual IP could not move by itself', { vip: vip.name, error: String(error) });
      return false;
    }
  }
}

