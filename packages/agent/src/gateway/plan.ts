import type { GatewayConfig } from '../node/config.ts';
import type { GatewayNetwork } from '../protocol/gateway.ts';
import type { Problem } from '../protocol/values.ts';
import { aliasOf, namesOf, networkOf } from './names.ts';
import type { Link, Present } from './present.ts';

/** What is to be done, in this order: lines for `ip -batch` and `bridge -batch`. */
export interface Work {
  /** Devices that must not carry frames, and those that nobody ordered. */
  readonly stop: readonly string[];
  readonly links: readonly string[];
  readonly tables: readonly string[];
  /** Last: a device carries frames only once its tables are whole. */
  readonly go: readonly string[];
  /** Bridges that are new or bare: what comes in is not for this node. */
  readonly shield: readonly string[];
  /** By network: what is not as ordered. */
  readonly differs: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

export const everybody = '00:00:00:00:00:00';

/**
 * From what the kernel has to what was ordered. A network is a bridge with two VXLAN devices, nothing else: a frame that comes in at one leaves at the other, never at the same,
 * so no frame goes back to the side that it came from, however many gateways a site has. All entries are static, and nothing is learned.
 */
export function planWork(present: Present, orders: readonly GatewayNetwork[], active: boolean, { site, transit }: Pick<GatewayConfig, 'site' | 'transit'>): Work {
  const [stop, links, tables, go, shield]: string[][] = [[], [], [], [], []];
  const differs = new Set<string>();
  const problems: Problem[] = [];
  const wanted = new Set(orders.map((o) => o.network));
  for (const link of present.links.values()) {
    const network = networkOf(link.alias);
    if (network !== undefined && !wanted.has(network)) stop!.push(`link del dev ${link.name}`);
  }
  for (const order of orders) {
    const names = namesOf(order.network);
    const alias = aliasOf(order.network);
    const before = stop!.length + links!.length + tables!.length + go!.length;
    const devices = [
      { name: names.bridge, type: 'bridge mcast_snooping 0', fits: (l: Link) => l.kind === 'bridge' },
      { name: names.site, type: vxlan(order.siteVni, site), fits: (l: Link) => suits(l, order.siteVni, site) },
      { name: names.transit, type: vxlan(order.transitVni, transit), fits: (l: Link) => suits(l, order.transitVni, transit) },
    ];
    // The kernel takes no alias with a new device: one that is bare and down was begun by us when the power failed.
    const begun = (l: Link): boolean => l.alias === undefined && !l.up && (l.kind === 'bridge' || l.kind === 'vxlan');
    const foreign = devices.find(({ name }) => {
      const link = present.links.get(name);
      return link !== undefined && link.alias !== alias && !begun(link);
    });
    if (foreign) {
      problems.push({ code: 'GW_GATEWAY_CLASH', message: `interface ${foreign.name} is here, and somebody else made it: network ${order.network} cannot be carried` });
      differs.add(order.network);
      continue;
    }
    const fresh = new Set<string>();
    for (const { name, type, fits } of devices) {
      const link = present.links.get(name);
      const kept = link?.alias === alias && fits(link) ? link : undefined;
      if (link && !kept) stop!.push(`link del dev ${name}`);
      if (!kept) {
        fresh.add(name);
        // Without addresses of its own: it would speak IPv6 in a tenant's network.
        links!.push(`link add name ${name} mtu ${order.mtu} type ${type}`, `link set dev ${name} alias ${alias}`, `link set dev ${name} addrgenmode none`);
      } else if (kept.mtu !== order.mtu) links!.push(`link set dev ${name} mtu ${order.mtu}`);
      if (kept?.up === true && !active) stop!.push(`link set dev ${name} down`);
      if (kept?.up !== true && active) go!.push(`link set dev ${name} up`);
    }
    if (fresh.has(names.bridge)) shield!.push(names.bridge);
    for (const name of [names.site, names.transit]) {
      const link = fresh.has(name) || fresh.has(names.bridge) ? undefined : present.links.get(name);
      if (link?.master !== names.bridge) links!.push(`link set dev ${name} master ${names.bridge}`);
      if (!link?.slave || link.slave.learning || link.slave.hairpin || !link.slave.flood) links!.push(`link set dev ${name} type bridge_slave learning off hairpin off flood on mcast_flood on bcast_flood on`);
    }
    const sides = [[names.site, order.local], [names.transit, order.remote]] as const;
    const ports = new Map<string, string>();
    for (const [device, behind] of sides.toReversed()) {
      for (const { macs } of behind) for (const mac of macs) ports.set(mac, device);
    }
    for (const [device, behind] of sides) tables!.push(...tunnelLines(device, fresh.has(device) ? undefined : present.tunnels.get(device), behind));
    tables!.push(...portLines(names.bridge, present.ports.get(names.bridge), ports, fresh));
    if (stop!.length + links!.length + tables!.length + go!.length > before) differs.add(order.network);
  }
  return { stop: stop!, links: links!, tables: tables!, go: go!, shield: shield!, differs, problems };
}

export const isDone = (w: Work): boolean => w.stop.length + w.links.length + w.tables.length + w.go.length === 0;

type End = GatewayConfig['site'];
const vxlan = (vni: number, { address, port }: End): string => `vxlan id ${vni} local ${address} dstport ${port} nolearning`;
const suits = ({ vxlan: v }: Link, vni: number, { address, port }: End): boolean => v?.vni === vni && v.local === address && v.port === port && !v.learning;

/** Which tunnel end a frame is sent to. */
function tunnelLines(device: string, there: ReadonlyMap<string, ReadonlySet<string>> = new Map(), behind: GatewayNetwork['local']): string[] {
  const lines: string[] = [];
  const flood = new Set(behind.map((b) => b.vtep));
  const floods = there.get(everybody) ?? new Set();
  for (const vtep of flood) if (!floods.has(vtep)) lines.push(`fdb append ${everybody} dev ${device} dst ${vtep} self static`);
  for (const vtep of floods) if (!flood.has(vtep)) lines.push(`fdb del ${everybody} dev ${device} dst ${vtep} self`);
  const wanted = new Map(behind.flatMap(({ vtep, macs }) => macs.map((mac) => [mac, vtep] as const)));
  for (const [mac, vtep] of wanted) {
    const ends = [...(there.get(mac) ?? [])];
    const others = ends.filter((e) => e !== vtep);
    // One is replaced, so that no frame meets a moment without an entry.
    if (!ends.includes(vtep)) lines.push(`fdb replace ${mac} dev ${device} dst ${vtep} self static`);
    for (const other of ends.includes(vtep) ? others : others.slice(1)) lines.push(`fdb del ${mac} dev ${device} dst ${other} self`);
  }
  for (const mac of there.keys()) if (mac !== everybody && !wanted.has(mac)) lines.push(...[...(there.get(mac) ?? [])].map((vtep) => `fdb del ${mac} dev ${device} dst ${vtep} self`));
  return lines;
}

/** Which side of the bridge a MAC address lies at. */
function portLines(bridge: string, present: ReadonlyMap<string, string> = new Map(), wanted: ReadonlyMap<string, string>, fresh: ReadonlySet<string>): string[] {
  const there = fresh.has(bridge) ? new Map<string, string>() : present;
  const lines: string[] = [];
  for (const [mac, device] of wanted) if (there.get(mac) !== device || fresh.has(device)) lines.push(`fdb replace ${mac} dev ${device} master static`);
  // With a device that is deleted its entries go.
  for (const [mac, device] of there) if (!wanted.has(mac) && !fresh.has(device)) lines.push(`fdb del ${mac} dev ${device} master`);
  return lines;
}
