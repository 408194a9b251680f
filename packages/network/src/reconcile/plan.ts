import { createHash } from 'node:crypto';
import { parseCidr, toNumber, within } from '../ipv4.ts';
import { GATEWAY_HOST, virtualHost } from '../names.ts';
import type { Redirect, RemoteVtep } from '../driver/types.ts';
import type { Drift, Finding } from '../schemas.ts';
import type { MovedPort } from '../store/types.ts';
import type { LocalPort, Mirror, PortFace, SiteView } from './observe.ts';

/** A remote port as it should be at a site. */
export interface Wanted extends PortFace {
  readonly key: string;
  readonly from: string;
  readonly source: string;
  readonly host: string;
  readonly active: boolean;
  readonly fixedIps: readonly { readonly ip_address: string; readonly subnet_id: string }[];
  readonly groupIds: readonly string[];
}

/** What is to be done at one site, in this order. */
export interface SitePlanOfChanges {
  readonly site: string;
  /** Id of the stretched network. */
  readonly network: string;
  /** Every virtual agent that the site must know; to be reported now where `due`. */
  readonly agents: readonly (RemoteVtep & { readonly due: boolean; readonly moved: boolean })[];
  readonly remove: readonly Mirror[];
  readonly create: readonly Wanted[];
  readonly change: readonly { readonly mirror: Mirror; readonly wanted: Wanted; readonly fields: readonly string[] }[];
  readonly up: readonly { readonly id: string; readonly key: string; readonly host: string }[];
  readonly down: readonly { readonly id: string; readonly key: string; readonly host: string }[];
  /** What is up already; taken down and up again where the tunnel's end has moved. */
  readonly rewire: readonly { readonly id: string; readonly key: string; readonly host: string }[];
  /** Instead, where all of them are reached by one gateway and another has taken over. */
  readonly redirect?: Redirect & { readonly hosts: readonly string[] };
  readonly drift: readonly Omit<Drift, 'at'>[];
  readonly findings: readonly Finding[];
  /** Every remote port that it is to have, by key, with the digest of how. */
  readonly wanted: ReadonlyMap<string, string>;
}

export const keyOf = (from: string, source: string): string => `${from}/${source}`;
const same = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/**
 * What a site lacks of the other sites' ports. Of a site that could not be asked nothing is known, so nothing that stands for its ports is touched.
 * @param moved of these MAC addresses only the port at that site counts
 * @param placed what was in place after the last comparison, `SITE KEY` to the digest of what was wanted: what of it is gone or other now, though the same is
 * wanted, somebody has taken away or changed
 */
export function planSite(network: string, here: SiteView, others: readonly SiteView[], placed: ReadonlyMap<string, string>, moved: readonly MovedPort[] = [], gate?: GateHere): SitePlanOfChanges {
  if (gate && gate.via === undefined) return idle(network, here);
  const hostOf = (site: string, host: string): string => (gate ? GATEWAY_HOST : virtualHost(site, host));
  const left = (mac: string, at: string): boolean => moved.some((m) => m.mac === mac && m.to !== at);
  const seen = new Map(others.map((o) => [o.site, o]));
  const findings: Finding[] = [];
  const drift: Omit<Drift, 'at'>[] = [];
  const note = (what: Drift['what'], of: string, message: string): void => void drift.push({ site: here.site, what, of, message, repaired: false });
  const mirrors = new Map(here.mirrors.map((m) => [keyOf(m.from, m.source), m]));
  const wanted: Wanted[] = [];
  const agents = new Map<string, RemoteVtep & { due: boolean; moved: boolean }>();

  for (const other of others) {
    for (const port of other.local) {
      if (port.host === '' || left(port.mac, other.site)) continue;
      const vtep = gate ? gate.via : other.vteps.get(port.host);
      if (vtep === undefined) {
        findings.push({ code: 'GW_REMOTE_NO_VTEP', site: other.site, resource: `port ${port.id}`, message: `${other.site}: host ${port.host} has no tunnel end, so its ports cannot be reached from ${here.site}`, action: 'See that the L2 agent runs there: openstack network agent list.' });
        continue;
      }
      const one = want(here, other, port, hostOf(other.site, port.host), findings);
      const clash = one && clashAt(here, one);
      if (!one) continue;
      if (clash) {
        findings.push(clash);
        continue;
      }
      wanted.push(one);
      const host = one.host;
      const known = here.virtual.get(host);
      agents.set(host, { host, vtep, due: known?.alive !== true || known.vtep !== vtep, moved: known !== undefined && (gate?.told ?? known.vtep) !== vtep });
    }
  }
  const plan = { remove: [] as Mirror[], create: [] as Wanted[], change: [] as { mirror: Mirror; wanted: Wanted; fields: string[] }[], up: [] as { id: string; key: string; host: string }[], down: [] as { id: string; key: string; host: string }[], rewire: [] as { id: string; key: string; host: string }[] };
  for (const w of wanted) {
    const mirror = mirrors.get(w.key);
    const before = placed.get(`${here.site} ${w.key}`);
    const was = before !== undefined && before === digestOf(w);
    if (mirror && mirror.mac === w.mac) {
      const fields = differences(mirror, w);
      if (fields.length > 0) {
        plan.change.push({ mirror, wanted: w, fields });
        if (was) note('changed', w.key, `it differs from what it stands for: ${fields.join(', ')}`);
      }
      // One that is bound anew is wired anew.
      const rebound = fields.includes('host');
      if (w.active && (!mirror.active || rebound)) {
        plan.up.push({ id: mirror.id, key: w.key, host: w.host });
        if (was && !rebound) note('down', w.key, 'the port that it stands for is ACTIVE');
      } else if (w.active) plan.rewire.push({ id: mirror.id, key: w.key, host: w.host });
      else if (mirror.active && !rebound) plan.down.push({ id: mirror.id, key: w.key, host: w.host });
    } else {
      // A bound port's MAC address cannot be changed.
      if (mirror) plan.remove.push(mirror);
      else if (before !== undefined) note('missing', w.key, 'somebody deleted it');
      plan.create.push(w);
    }
  }
  const keys = new Set(wanted.map((w) => w.key));
  for (const m of here.mirrors) {
    const key = keyOf(m.from, m.source);
    if (keys.has(key) || !(seen.has(m.from) || left(m.mac, m.from))) continue;
    plan.remove.push(m);
  }
  for (const a of agents.values()) {
    if (a.moved) note('agent', a.host, `its tunnel end is now ${a.vtep}`);
    else if (a.due && here.mirrors.some((m) => m.host === a.host)) note('agent', a.host, here.virtual.has(a.host) ? 'it was not heard of for too long' : 'its row was deleted');
  }
  const redirect = gate && redirectAt(here, gate, agents.get(GATEWAY_HOST)?.moved === true);
  return { site: here.site, network, agents: [...agents.values()], ...plan, ...(redirect && { redirect }), drift, findings, wanted: new Map(wanted.map((w) => [w.key, digestOf(w)])) };
}

/** How a site's own border gateway is reached. */
export interface GateHere {
  /** Undefined: none is known to be active, so nothing is changed. */
  readonly via: string | undefined;
  readonly vni: number | undefined;
  /** What its hypervisors were told last, where that is known better than by Neutron's row. */
  readonly told?: string | undefined;
}

function idle(network: string, here: SiteView): SitePlanOfChanges {
  const finding: Finding = { code: 'GW_GATEWAY_NONE', site: here.site, message: `${here.site}: no border gateway is known to be active`, action: 'godwit gateway list; enrol agents of role gateway at that site.' };
  // What is there is what is wanted: none of it is said to be anybody's doing.
  return { site: here.site, network, agents: [], remove: [], create: [], change: [], up: [], down: [], rewire: [], drift: [], findings: [finding], wanted: new Map() };
}

/** The remote ports of a site, once more, for its hypervisors: what Neutron is told would have each taken down and up again. */
export function redirectAt(here: SiteView, { via, vni, told }: GateHere, moved: boolean, from = told ?? here.virtual.get(GATEWAY_HOST)?.vtep): SitePlanOfChanges['redirect'] {
  if (!moved || via === undefined || vni === undefined || from === undefined || from === via) return undefined;
  const ports = here.mirrors.filter((m) => m.host === GATEWAY_HOST && m.active).map(({ mac, ips }) => ({ mac, ips }));
  return { networkId: here.networkId, vni, from, to: via, ports, hosts: [...here.vteps.keys()] };
}

const digestOf = ({ mac, ips, groups, portSecurity, pairs, host, active }: Wanted): string => createHash('sha256').update(JSON.stringify([mac, ips, groups, portSecurity, pairs, host, active])).digest('hex').slice(0, 16);

function want(here: SiteView, other: SiteView, port: LocalPort, host: string, findings: Finding[]): Wanted | undefined {
  const fixedIps = port.ips.flatMap((ip) => {
    const subnet = here.subnets.find((s) => covers(s.cidr, ip));
    return subnet ? [{ ip_address: ip, subnet_id: subnet.id }] : [];
  });
  if (fixedIps.length < port.ips.length) {
    findings.push({ code: 'GW_REMOTE_NO_SUBNET', site: here.site, resource: `port ${port.id}`, message: `${here.site}: no subnet of the network holds ${port.ips.join(', ')} of ${other.site}’s port ${port.id}`, action: 'Stretched are only the subnets that all sites have.' });
    return undefined;
  }
  const missing = port.groups.filter((g) => !here.groupIds.has(g));
  for (const g of missing) {
    findings.push({ code: 'GW_REMOTE_NO_GROUP', site: here.site, resource: `security group ${g}`, message: `${here.site}: there is no security group ${g}: rules there that name it do not let ${other.site}’s ports in`, action: 'godwit sync keeps security groups alike.' });
  }
  const groups = port.groups.filter((g) => !missing.includes(g));
  return {
    ...port, key: keyOf(other.site, port.id), from: other.site, source: port.id, host, fixedIps, groups, groupIds: groups.map((g) => here.groupIds.get(g) ?? ''),
  };
}

const covers = (cidr: string, ip: string): boolean => {
  const range = parseCidr(cidr);
  return range !== undefined && !ip.includes(':') && within(range, toNumber(ip));
};

/** An address that a port of the site's own has. */
function clashAt(here: SiteView, w: Wanted): Finding | undefined {
  const taken = here.local.find((p) => p.mac === w.mac || p.ips.some((ip) => w.ips.includes(ip)));
  if (!taken) return undefined;
  const what = taken.mac === w.mac ? `MAC address ${w.mac}` : `address ${taken.ips.find((ip) => w.ips.includes(ip)) ?? ''}`;
  return { code: 'GW_REMOTE_ADDRESS_TAKEN', site: here.site, resource: `port ${taken.id}`, message: `${here.site}: ${what} of ${w.from}’s port ${w.source} is used by port ${taken.id}; neither reaches the other’s site`, action: 'Give one of the two another address, or delete it.' };
}

function differences(mirror: Mirror, w: Wanted): string[] {
  return [
    ...(same(mirror.ips, w.ips) ? [] : ['addresses']),
    ...(same(mirror.groups, w.groups) ? [] : ['security groups']),
    ...(mirror.portSecurity === w.portSecurity ? [] : ['port security']),
    ...(same(mirror.pairs, w.pairs) ? [] : ['address pairs']),
    ...(mirror.host === w.host && mirror.bound ? [] : ['host']),
  ];
}
