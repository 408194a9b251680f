import type { Subnet } from '@godwit/openstack';
import { divide, overlap, parseCidr, parseRange, type Range, rangeText, toNumber, toText, within, without } from '../ipv4.ts';
import type { Finding, StretchRequest } from '../schemas.ts';

export interface Share {
  /** `10.0.0.10-10.0.0.99`; several with commas (an adopted subnet's) */
  readonly pool: string;
  readonly gateway: string | null;
}

export interface AddressPlan {
  readonly cidr: string | undefined;
  readonly sites: ReadonlyMap<string, Share>;
  readonly findings: readonly Finding[];
}

interface AdoptedSubnet {
  readonly site: string;
  readonly subnets: readonly Subnet[];
}

/**
 * One CIDR, of which each site gives out a part of its own, so that no two Neutrons (which know nothing of each other) give one address to two ports,
 * their DHCP servers' included; and a gateway address of its own, as each site's router answers ARP for its own.
 */
export function planAddresses(request: StretchRequest, adopted: readonly AdoptedSubnet[]): AddressPlan {
  const findings: Finding[] = [];
  const pools = (site: string | undefined, message: string, action = 'Give pools that share nothing: --pool SITE=FIRST-LAST.'): void => void findings.push({ code: 'GW_STRETCH_POOLS', ...(site !== undefined && { site }), message, action });
  const cidr = request.cidr ?? adopted[0]?.subnets[0]?.cidr;
  const range = cidr === undefined ? undefined : parseCidr(cidr);
  if (cidr === undefined) {
    pools(undefined, 'no CIDR is given, and no network is adopted whose it could be', 'Give --cidr.');
    return { cidr, sites: new Map(), findings };
  }
  if (!range || range.last - range.first < 7) {
    pools(undefined, `${cidr} is not a usable IPv4 network: its host bits must be zero, and it must have eight addresses or more`, 'Correct --cidr.');
    return { cidr, sites: new Map(), findings };
  }
  const usable: Range = { first: range.first + 1, last: range.last - 1 };
  const taken = new Map<string, readonly Range[]>();
  const gateways = new Map<string, number | null>();
  const shares = new Map<string, Share>();
  for (const { site, subnets } of adopted) {
    const [subnet] = subnets;
    if (!subnet) continue;
    taken.set(site, subnet.allocation_pools.map((p) => ({ first: toNumber(p.start), last: toNumber(p.end) })));
    gateways.set(site, subnet.gateway_ip ? toNumber(subnet.gateway_ip) : null);
  }
  const made = request.sites.filter((s) => !adopted.some((a) => a.site === s.site) && s.network === undefined);
  for (const { site, pool, gateway } of made) {
    if (gateway !== undefined) gateways.set(site, gateway === null ? null : toNumber(gateway));
    if (pool === undefined) continue;
    const parsed = parseRange(pool);
    if (!parsed) pools(site, `${site}: ${pool} is not a range of addresses`, 'Write it as 10.0.0.10-10.0.0.99.');
    else if (!within(usable, parsed.first) || !within(usable, parsed.last)) pools(site, `${site}: ${pool} goes beyond ${cidr}`);
    else taken.set(site, [parsed]);
  }
  const held = (): Range[] => [...taken.values()].flat();
  for (const { site } of made) {
    if (gateways.has(site)) continue;
    let next = usable.first;
    while ([...gateways.values()].includes(next) || held().some((r) => within(r, next))) next += 1;
    if (!within(usable, next)) pools(site, `${site}: no address is left for its gateway`);
    else gateways.set(site, next);
  }
  const open = made.filter((s) => s.pool === undefined);
  const reserved = [...gateways.values()].flatMap((g) => (g === null ? [] : [{ first: g, last: g }]));
  const parts = divide(without(usable, [...held(), ...reserved]), open.length);
  if (parts.length < open.length) pools(open[0]?.site, `the pools of ${[...taken.keys()].join(', ')} leave no addresses of ${cidr} for ${open.map((s) => s.site).join(', ')}`, 'Make the pools of the networks that are there smaller: openstack subnet unset/set --allocation-pool.');
  for (const [i, { site }] of open.entries()) {
    const part = parts[i];
    if (part) taken.set(site, [part]);
  }

  const sites = [...taken.keys()];
  for (const [i, a] of sites.entries()) {
    for (const b of sites.slice(i + 1)) {
      const hit = (taken.get(a) ?? []).flatMap((x) => (taken.get(b) ?? []).filter((y) => overlap(x, y)).map((y) => [x, y] as const))[0];
      if (hit) pools(b, `the pools of ${a} (${rangeText(hit[0])}) and ${b} (${rangeText(hit[1])}) overlap: both could give one address away`);
    }
  }
  const owners = new Map<number, string>();
  for (const [site, gateway] of gateways) {
    if (gateway === null) continue;
    const other = owners.get(gateway);
    const action = 'Give each site another gateway, or none: --gateway SITE=ADDRESS|none.';
    if (other !== undefined) pools(site, `${other} and ${site} have the same gateway ${toText(gateway)}: two routers would answer for one address`, action);
    if (!within(usable, gateway)) pools(site, `${site}: its gateway ${toText(gateway)} is not in ${cidr}`, action);
    const inside = sites.find((s) => (taken.get(s) ?? []).some((r) => within(r, gateway)));
    if (inside !== undefined) pools(site, `${site}: its gateway ${toText(gateway)} is in ${inside}’s pool`, action);
    owners.set(gateway, site);
  }
  for (const site of sites) {
    const gateway = gateways.get(site) ?? null;
    shares.set(site, { pool: (taken.get(site) ?? []).map(rangeText).join(','), gateway: gateway === null ? null : toText(gateway) });
  }
  return { cidr, sites: shares, findings };
}
