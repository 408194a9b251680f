import { z } from 'zod';

export const inventoryKinds = ['servers', 'volumes', 'images', 'networks', 'addresses'] as const;
export type InventoryKind = (typeof inventoryKinds)[number];

export const inventoryItemSchema = z.object({
  site: z.string(),
  kind: z.enum(inventoryKinds),
  id: z.string(),
  name: z.string(),
  status: z.string().optional(),
  project: z.string().optional().describe('its id at the site'),
  projectName: z.string().optional().describe('DOMAIN/NAME; only where all projects are asked for'),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).describe('what else is of interest: size, addresses, hash …'),
});
export type InventoryItem = z.infer<typeof inventoryItemSchema>;

export const siteStateSchema = z.object({
  site: z.string(),
  state: z.enum(['live', 'last-known', 'unknown']).describe('last-known: the site cannot be asked, and what is shown of it is as old as `seenAt` says; unknown: nothing was ever seen of it'),
  seenAt: z.string().optional(),
  ageSeconds: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});
export type SiteState = z.infer<typeof siteStateSchema>;

export const inventorySchema = z.object({ sites: z.array(siteStateSchema), items: z.array(inventoryItemSchema), total: z.int(), next: z.string().optional().describe('give it as `after` for the next page') });
export type Inventory = z.infer<typeof inventorySchema>;

/** Whose; left out: the caller's own project. */
export const viewQuerySchema = z.strictObject({
  project: z.string().regex(/^[^/]+\/.+$/, 'DOMAIN/NAME').optional().describe('DOMAIN/NAME; another than your own is for administrators'),
  allProjects: z.enum(['true', 'false']).optional().describe('of all projects; for administrators'),
});
export type ViewQuery = z.input<typeof viewQuerySchema>;

export const inventoryQuerySchema = viewQuerySchema.extend({
  kind: z.enum(inventoryKinds).optional(),
  site: z.string().optional(),
  name: z.string().optional().describe('* stands for anything'),
  status: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().optional(),
});
export type InventoryQuery = z.input<typeof inventoryQuerySchema>;

export const conflictSchema = z.object({
  kind: z.enum(['mac', 'ip']),
  address: z.string(),
  network: z.string().optional(),
  holders: z.array(z.object({ site: z.string(), port: z.string(), network: z.string(), device: z.string(), status: z.string(), project: z.string().optional() })),
});
export type AddressConflict = z.infer<typeof conflictSchema>;
export const conflictsSchema = z.object({ sites: z.array(siteStateSchema), conflicts: z.array(conflictSchema) });

export const usageRowSchema = z.object({ site: z.string(), service: z.string(), resource: z.string(), inUse: z.number(), limit: z.number().describe('-1: none') });
export const capacityRowSchema = z.object({ site: z.string(), resource: z.string(), used: z.number(), total: z.number().describe('with overcommitment') });
export const usageSchema = z.object({ sites: z.array(siteStateSchema), usage: z.array(usageRowSchema), capacity: z.array(capacityRowSchema).describe('for administrators') });
export type UsageView = z.infer<typeof usageSchema>;
