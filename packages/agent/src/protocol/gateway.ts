import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { defineCommand } from './command.ts';
import { many, problem, short } from './values.ts';

// Nothing of these can begin an option of a program, or end a line of its batch.
const uuid = z.string().check(z.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/));
const mac = z.string().check(z.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/));
const ip = z.ipv4();
const vni = z.int().check(z.minimum(1), z.maximum(16_777_215));
/** Grows each time that another gateway of the site becomes the active one. */
const epoch = z.int().check(z.minimum(1));

/** What lies behind one tunnel end: MAC addresses of ports. Flooded frames go to each end that is named. */
const behind = z.object({ vtep: ip, macs: many(mac, 4_000) });

/** One stretched network, as one site's gateways are to have it. No gateway of the same site is in it: what would make a loop cannot be said. */
export const gatewayNetwork = z.object({
  network: uuid,
  siteVni: vni,
  transitVni: vni,
  /** Of the network, as its guests have it. */
  mtu: z.int().check(z.minimum(576), z.maximum(9_000)),
  /** The site's own hypervisors. */
  local: many(behind, 1_000),
  /** The other sites' active gateways. */
  remote: many(behind, 64),
});
export type GatewayNetwork = z.infer<typeof gatewayNetwork>;

/** Both sides take it of the same order, whatever order its lists are in. */
export function gatewayDigest({ network, siteVni, transitVni, mtu, local, remote }: GatewayNetwork): string {
  const sorted = (list: GatewayNetwork['local']): unknown => list.map(({ vtep, macs }) => [vtep, macs.toSorted()] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify([network, siteVni, transitVni, mtu, sorted(local), sorted(remote)])).digest('hex').slice(0, 16);
}

const counters = z.object({ packets: z.number(), bytes: z.number(), dropped: z.number() });
const side = z.object({ /** From where frames come in to the gateway. */ received: counters, sent: counters });

export const gatewayReport = z.object({
  /** 0: it has heard of none yet. */
  epoch: z.int(),
  active: z.boolean(),
  /** Where the site's hypervisors send to. */
  siteAddress: ip,
  /** Where the other sites' gateways send to. */
  transitAddress: ip,
  /** Largest network MTU that the interface of each address carries; 0: the address is at no interface that is up. */
  siteMtu: z.int(),
  transitMtu: z.int(),
  networks: many(z.object({
    network: uuid,
    /** Of what was ordered and is in the kernel; empty: it is not, or not whole. */
    digest: short,
    /** Its devices carry frames. */
    up: z.boolean(),
    mtu: z.int(),
    /** Of MAC addresses, at both sides. */
    entries: z.int(),
    site: side,
    transit: side,
  }), 500),
  /** How many times something in the kernel's tables that nobody ordered was put right since the agent's start. */
  repairs: z.int(),
  problems: many(problem),
});
export type GatewayReport = z.infer<typeof gatewayReport>;

const none = z.object({});
/** `ok`: both addresses are at interfaces that are up. */
export const gatewayStand = z.object({ epoch: z.int(), active: z.boolean(), ok: z.boolean() });
export type GatewayStand = z.infer<typeof gatewayStand>;

/** An order under an older epoch than the gateway has seen is refused (GW_GATEWAY_FENCED). Each may be sent twice. */
export const gateway = {
  report: defineCommand('gateway.report', none, gatewayReport, 20_000),
  /** Asked every second by a controller: that it answers is what it wants to know. */
  beat: defineCommand('gateway.beat', none, gatewayStand, 2_000),
  /** From now on the site's active gateway, or not any more. */
  lead: defineCommand('gateway.lead', z.object({ epoch, active: z.boolean() }), gatewayStand, 15_000),
  /** A network's tables, whole; a standby has them as well, so that it has nothing to learn when it is needed. Answers with their digest once they are in the kernel. */
  put: defineCommand('gateway.put', z.object({ epoch, spec: gatewayNetwork }), z.object({ digest: short }), 30_000),
  forget: defineCommand('gateway.forget', z.object({ epoch, network: uuid }), none, 30_000),
};
