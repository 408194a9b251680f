import * as z from 'zod/mini';
import { AgentError } from '../protocol/errors.ts';

export interface Counters {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

export interface Link {
  readonly name: string;
  readonly kind: string;
  readonly alias: string | undefined;
  readonly mtu: number;
  readonly up: boolean;
  readonly master: string | undefined;
  readonly vxlan: { readonly vni: number; readonly local: string; readonly port: number; readonly learning: boolean } | undefined;
  /** How a bridge treats it as its port. */
  readonly slave: { readonly learning: boolean; readonly flood: boolean; readonly hairpin: boolean } | undefined;
  readonly received: Counters;
  readonly sent: Counters;
}

export interface Present {
  readonly links: ReadonlyMap<string, Link>;
  /** Of VXLAN devices: MAC to tunnel ends. The MAC of zeros has those that are flooded to. */
  readonly tunnels: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  /** Of bridges: MAC to the port that it lies behind; not the ports' own. */
  readonly ports: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** IPv4 address to the interface that has it. */
  readonly addresses: ReadonlyMap<string, string>;
}

const flow = z.object({ bytes: z.number(), packets: z.number(), dropped: z._default(z.number(), 0) });
const record = z.optional(z.record(z.string(), z.unknown()));
const linkSchema = z.array(z.object({
  ifname: z.optional(z.string()),
  flags: z._default(z.array(z.string()), []),
  mtu: z._default(z.number(), 0),
  master: z.optional(z.string()),
  ifalias: z.optional(z.string()),
  linkinfo: z.optional(z.object({ info_kind: z.optional(z.string()), info_data: record, info_slave_data: record })),
  stats64: z.optional(z.object({ rx: flow, tx: flow })),
}));
const fdbSchema = z.array(z.object({ mac: z.string(), ifname: z.optional(z.string()), dst: z.optional(z.string()), master: z.optional(z.string()), state: z.optional(z.string()) }));
const addressSchema = z.array(z.object({ ifname: z.optional(z.string()), addr_info: z._default(z.array(z.object({ local: z.optional(z.string()) })), []) }));

const zero: Counters = { packets: 0, bytes: 0, dropped: 0 };
const word = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What the kernel has, from `ip -j -d -s link`, `bridge -j fdb` and `ip -j addr`. Unknown fields are passed over: each version of iproute2 adds some. */
export function readPresent(links: string, fdb: string, addresses: string): Present {
  const read = parse(linkSchema, links, 'ip link').flatMap((l): [string, Link][] => {
    if (l.ifname === undefined) return [];
    const data = l.linkinfo?.info_data ?? {};
    const slave = l.linkinfo?.info_slave_data;
    return [[l.ifname, {
      name: l.ifname, kind: l.linkinfo?.info_kind ?? '', alias: l.ifalias, mtu: l.mtu, up: l.flags.includes('UP'), master: l.master,
      vxlan: l.linkinfo?.info_kind === 'vxlan' ? { vni: Number(data['id'] ?? 0), local: word(data['local']), port: Number(data['port'] ?? 0), learning: data['learning'] !== false } : undefined,
      slave: slave && { learning: slave['learning'] !== false, flood: slave['flood'] === true && slave['bcast_flood'] !== false && slave['mcast_flood'] !== false, hairpin: slave['hairpin'] === true },
      received: l.stats64?.rx ?? zero, sent: l.stats64?.tx ?? zero,
    }]];
  });
  const tunnels = new Map<string, Map<string, Set<string>>>();
  const ports = new Map<string, Map<string, string>>();
  for (const e of parse(fdbSchema, fdb, 'bridge fdb')) {
    if (e.ifname === undefined) continue;
    if (e.dst !== undefined) {
      const of = tunnels.get(e.ifname) ?? new Map<string, Set<string>>();
      of.set(e.mac, (of.get(e.mac) ?? new Set()).add(e.dst));
      tunnels.set(e.ifname, of);
    } else if (e.master !== undefined && e.state !== 'permanent') {
      const of = ports.get(e.master) ?? new Map<string, string>();
      of.set(e.mac, e.ifname);
      ports.set(e.master, of);
    }
  }
  const at = parse(addressSchema, addresses, 'ip address').flatMap((a) => a.addr_info.flatMap(({ local }): [string, string][] => (local === undefined || a.ifname === undefined ? [] : [[local, a.ifname]])));
  return { links: new Map(read), tunnels, ports, addresses: new Map(at) };
}

function parse<T extends z.ZodMiniType>(schema: T, text: string, what: string): z.infer<T> {
  let raw: unknown;
  try {
    // Some versions print nothing instead of an empty list.
    raw = text.trim() === '' ? [] : JSON.parse(text);
  } catch (cause) {
    throw new AgentError('GW_GATEWAY_FAILED', 'retryable', `${what} gave no JSON`, { cause });
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw new AgentError('GW_GATEWAY_FAILED', 'terminal', `what ${what} says cannot be read: ${parsed.error.issues[0]?.path.map(String).join('.') ?? ''}`, { action: 'iproute2 6.1 is known to suit.' });
  return parsed.data;
}
