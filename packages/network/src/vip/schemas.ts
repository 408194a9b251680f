import { z } from 'zod';
import { networkFindingSchema } from '../schemas.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

export const vipRequestSchema = z.strictObject({
  name,
  network: z.string().min(1).describe('a stretched network, by name or id'),
  address: z.ipv4().describe('of the network’s CIDR, in no site’s pool if it is to be safe from DHCP and automatic choice'),
  members: z.array(z.strictObject({ site: z.string().min(1), port: z.string().min(1).describe('name or id') })).min(1).max(20).describe('the ports that may hold it; the first holds it at first'),
  group: z.string().optional().describe('a protection group: only a member at the site where it is active may hold the address'),
  automatic: z.boolean().default(false).describe('it moves by itself when its holder’s port is no longer ACTIVE'),
});
export type VipRequestInput = z.input<typeof vipRequestSchema>;

export const vipMemberSchema = z.object({
  site: z.string(), port: z.string(), name: z.string(), mac: z.string(),
  host: z.string().optional().describe('where it is bound'),
  active: z.boolean(),
});
export type VipMember = z.infer<typeof vipMemberSchema>;

export const vipSchema = z.object({
  id: z.string(), name: z.string(), network: z.string().describe('name of the stretched network'), project: z.string(), address: z.string(),
  state: z.enum(['Active', 'Removing']),
  members: z.array(vipMemberSchema),
  holder: z.object({ site: z.string(), port: z.string() }),
  epoch: z.int().describe('grows with each move; a claim that names an older one is refused'),
  movedAt: z.string(),
  reason: z.string().describe('why it moved last'),
  group: z.string().optional(), automatic: z.boolean(),
  findings: z.array(networkFindingSchema),
});
export type Vip = z.infer<typeof vipSchema>;

export const vipMoveSchema = z.strictObject({
  site: z.string().min(1), port: z.string().optional().describe('name or id; left out: the only member at that site'),
  epoch: z.int().min(1).optional().describe('the epoch that the claimant knows: refused when the address has moved since'),
});
export type VipMoveInput = z.input<typeof vipMoveSchema>;

export const vipMoveResultSchema = z.object({
  vip: z.string(), address: z.string(), epoch: z.int(), holder: z.object({ site: z.string(), port: z.string() }), moved: z.boolean().describe('false: it was there already'),
  told: z.int().describe('hypervisors whose L2 agent was told'), untold: z.array(z.string()).describe('those that could not be: they learn it by the claimant’s gratuitous ARP'),
  ms: z.number(),
});
export type VipMoveResult = z.infer<typeof vipMoveResultSchema>;
