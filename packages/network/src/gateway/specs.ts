import type { SiteView } from '../reconcile/observe.ts';
import type { NetworkRecord } from '../store/types.ts';
import type { Behind, GatewayEnds, GatewaySpec } from './types.ts';

/**
 * What the gateways of one site are to carry of a network. The site's own gateways are never in it, nor is one that is not active: a flooded frame goes to each site once.
 * undefined: not enough is known of the network yet.
 */
export function specFor(record: NetworkRecord, view: SiteView, others: readonly SiteView[], ends: GatewayEnds): GatewaySpec | undefined {
  const siteVni = record.sites.find((s) => s.site === view.site)?.vni;
  if (siteVni === undefined || record.transitVni === undefined || record.mtu === undefined) return undefined;
  const left = (mac: string, at: string): boolean => (record.moved ?? []).some((m) => m.mac === mac && m.to !== at);
  const macsOf = (v: SiteView): { mac: string; host: string }[] => v.local.filter((p) => p.host !== '' && !left(p.mac, v.site));
  const local = new Map<string, Set<string>>();
  const own = new Set<string>();
  for (const { mac, host } of macsOf(view)) {
    const vtep = view.vteps.get(host);
    if (vtep === undefined) continue;
    own.add(mac);
    local.set(vtep, (local.get(vtep) ?? new Set()).add(mac));
  }
  const remote = new Map<string, Set<string>>();
  for (const other of others) {
    const end = ends.get(other.site);
    // An address that both sites use is told as a finding; frames stay where they are.
    if (end) remote.set(end.transitAddress, new Set(macsOf(other).map((p) => p.mac).filter((mac) => !own.has(mac))));
  }
  return { network: record.id, siteVni, transitVni: record.transitVni, mtu: record.mtu, local: sorted(local), remote: sorted(remote) };
}

const sorted = (by: ReadonlyMap<string, ReadonlySet<string>>): Behind[] => [...by].map(([vtep, macs]) => ({ vtep, macs: [...macs].toSorted() })).toSorted((a, b) => (a.vtep < b.vtep ? -1 : 1));
