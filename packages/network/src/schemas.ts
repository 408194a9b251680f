import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

export const stretchRequestSchema = z.strictObject({
  name: name.describe('of the networks that are made, and of the whole'),
  mode: z.enum(['direct', 'gateway']).default('direct').describe('direct: hypervisors send to hypervisors, one VNI; gateway: through each site’s border gateways, a VNI of its own at each site'),
  cidr: z.cidrv4().optional().describe('of the subnets; left out: that of the network that is adopted'),
  sites: z
    .array(z.strictObject({
      site: z.string().min(1),
      network: z.string().min(1).optional().describe('adopt this network of the project (name or id) instead of making one'),
      pool: z.string().optional().describe('FIRST-LAST: addresses that this site gives to its ports; default: an even share'),
      gateway: z.ipv4().nullable().optional().describe('null: none; default: one of the first addresses, another at each site'),
    }))
    .min(2).max(20),
  vni: z.int().min(1).max(16_777_215).optional().describe('for administrators; default: one that is free at all sites'),
  dhcp: z.boolean().default(true),
  dns: z.array(z.ipv4()).max(5).default([]),
  mtu: z.int().min(576).max(9_000).optional(),
});
export type StretchRequestInput = z.input<typeof stretchRequestSchema>;
export type StretchRequest = z.output<typeof stretchRequestSchema>;

export const networkFindingSchema = z.object({ code: z.string(), message: z.string(), site: z.string().optional(), resource: z.string().optional(), action: z.string().optional(), requestId: z.string().optional() });
export type Finding = z.infer<typeof networkFindingSchema>;

/** How it will be, or is, at one site. */
export const sitePlanSchema = z.object({ site: z.string(), adopted: z.boolean(), networkId: z.string().optional(), subnetId: z.string().optional(), pool: z.string(), gateway: z.string().nullable(), vni: z.int().optional().describe('in mode gateway, where each site has its own') });
export type SitePlan = z.infer<typeof sitePlanSchema>;

export const stretchReportSchema = z.object({
  ok: z.boolean(), network: z.string(), findings: z.array(networkFindingSchema), mode: z.enum(['direct', 'gateway']), vni: z.int().optional(), transitVni: z.int().optional().describe('between border gateways'), cidr: z.string().optional(), mtu: z.int().optional(), sites: z.array(sitePlanSchema), plan: z.array(z.string()),
});
export type StretchReport = z.infer<typeof stretchReportSchema>;

export const driftSchema = z.object({
  site: z.string(),
  what: z.enum(['agent', 'missing', 'changed', 'extra', 'down', 'up']),
  of: z.string().describe('the port (its source’s site and id) or the agent’s host'),
  message: z.string(),
  at: z.string(),
  repaired: z.boolean(),
});
export type Drift = z.infer<typeof driftSchema>;

export const reconcileReportSchema = z.object({
  at: z.string(),
  inStep: z.boolean().describe('nothing differed, nothing is in the way, all sites could be asked'),
  ports: z.int().describe('local ports that are mirrored'),
  remotePorts: z.int().describe('remote ports in place, over all sites'),
  drift: z.array(driftSchema).describe('what differed; what is merely new is not drift'),
  history: z.array(driftSchema).describe('the last that was found before'),
  findings: z.array(networkFindingSchema).describe('what Godwit does not decide'),
  unreachable: z.array(z.object({ site: z.string(), code: z.string(), message: z.string() })),
});
export type ReconcileReport = z.infer<typeof reconcileReportSchema>;

export const states = ['Stretching', 'Active', 'Unstretching'] as const;
export const stretchedNetworkSchema = z.object({
  id: z.string(), name: z.string(), project: z.string(), state: z.enum(states), mode: z.enum(['direct', 'gateway']), vni: z.int().optional(), transitVni: z.int().optional(), cidr: z.string().optional(), mtu: z.int().optional(), sites: z.array(sitePlanSchema),
  lastReport: reconcileReportSchema.optional(),
});
export type StretchedNetwork = z.infer<typeof stretchedNetworkSchema>;

export const remotePortSchema = z.object({
  id: z.string(), network: z.string(), site: z.string().describe('where it is'), from: z.string().describe('the site of the port that it stands for'), source: z.string().describe('id of that port'),
  mac: z.string(), ips: z.array(z.string()), vtep: z.string().optional(), agent: z.string(), status: z.string(), bound: z.boolean(),
});
export type RemotePort = z.infer<typeof remotePortSchema>;

const counters = z.object({ packets: z.number(), bytes: z.number(), dropped: z.number() });
const side = z.object({ received: counters, sent: counters });
export const borderGatewaySchema = z.object({
  name: z.string(), site: z.string(), state: z.enum(['active', 'standby', 'away']), epoch: z.int().optional().describe('of the site'), since: z.string().optional(), reason: z.string().optional().describe('why this one is the active one'),
  siteAddress: z.string().optional().describe('where the site’s hypervisors send to'), transitAddress: z.string().optional().describe('where the other sites’ gateways send to'),
  mtu: z.int().optional().describe('largest network MTU that passes'), repairs: z.int().optional(), problems: z.array(z.object({ code: z.string(), message: z.string() })),
  networks: z.array(z.object({ id: z.string(), name: z.string().optional(), up: z.boolean(), inKernel: z.boolean().describe('its tables are as ordered'), entries: z.int(), site: side, transit: side })),
});
export type BorderGateway = z.infer<typeof borderGatewaySchema>;

export const unstretchResultSchema = z.object({ network: z.string(), removed: z.array(z.string()).describe('sites whose network was deleted'), left: z.array(z.object({ site: z.string(), networkId: z.string(), reason: z.string() })) });
export type UnstretchResult = z.infer<typeof unstretchResultSchema>;
