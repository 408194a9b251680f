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

/** A port, by its MAC address, and the addresses that ARP is answered for. */
export const gatewayEntry = z.tuple([mac, many(ip, 16)]);
/** What lies behind one tunnel end. Flooded frames go to each that is named. */
const behind = z.object({ vtep: ip, entries: many(gatewayEntry, 4_000) });

/** One stretched network, as one site's gateways are to have it. What no frame may take is not in it: no gateway of the same site. */
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
  /** Largest network MTU that passes to the other sites, and to the own hypervisors, as far as this node knows. */
  transitMtu: z.int(),
  siteMtu: z.int(),
  networks: many(z.object({
    network: uuid,
    /** Of what was ordered; empty: nothing is, its devices are left from before. */
    digest: short,
    /** Its devices carry frames. */
    up: z.boolean(),
    /** Of its devices. */
    mtu: z.int(),
    entries: z.int(),
    site: side,
    transit: side,
  }), 500),
  /** How many times something of the kernel's tables that nobody ordered was put right since the agent's start. */
  repairs: z.int(),
  problems: many(problem),
});
export type GatewayReport = z.infer<typeof gatewayReport>;

const none = z.object({});
const stand = z.object({ epoch: z.int(), active: z.boolean() });

/** An order under an older epoch than the gateway has seen is refused (GW_GATEWAY_FENCED). Each may be sent twice. */
export const gateway = {
  report: defineCommand('gateway.report', none, gatewayReport, 20_000),
  /** Asked every second by controllers: that it answers is what they want to know. */
  beat: defineCommand('gateway.beat', none, stand, 2_000),
  /** From now on the site's active gateway, or not any more. */
  lead: defineCommand('gateway.lead', z.object({ epoch, active: z.boolean() }), stand, 15_000),
  /** A network's tables, whole; those of a standby are kept as well, so that it has nothing to learn when it is needed. Answers with their digest. */
  put: defineCommand('gateway.put', z.object({ epoch, spec: gatewayNetwork }), z.object({ digest: short }), 30_000),
  forget: defineCommand('gateway.forget', z.object({ epoch, network: uuid }), none, 30_000),
};
