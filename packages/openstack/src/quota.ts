import * as z from 'zod';
import { maybe, orElse } from './fields.ts';

export interface QuotaUsage {
  /** -1: no limit. */
  readonly limit: number;
  readonly inUse: number;
  readonly reserved: number;
}

const entry = z.looseObject({
  limit: z.number(),
  // Nova and Cinder write in_use, Neutron used.
  in_use: maybe(z.number()),
  used: maybe(z.number()),
  reserved: orElse(z.number(), 0),
});

/** A quota set with use, as `{ resource: { limit, inUse, reserved } }`; fields that are no resource (`id`) are left out. */
export const quotaUsage = () =>
  z.record(z.string(), z.unknown()).transform((set): Record<string, QuotaUsage> => {
    const usage: Record<string, QuotaUsage> = {};
    for (const [resource, value] of Object.entries(set)) {
      const parsed = entry.safeParse(value);
      if (parsed.success) usage[resource] = { limit: parsed.data.limit, inUse: parsed.data.in_use ?? parsed.data.used ?? 0, reserved: parsed.data.reserved };
    }
    return usage;
  });

/** Whether `more` of a resource fit; a resource that the quota set does not name is not limited. */
export function quotaAllows(set: Readonly<Record<string, QuotaUsage>>, resource: string, more: number): boolean {
  const usage = set[resource];
  return usage === undefined || usage.limit < 0 || usage.inUse + usage.reserved + more <= usage.limit;
}
