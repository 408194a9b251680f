import { z } from 'zod';
import { consistencySchema, memberSchema, methodNames, pointImageSchema, pointVolumeSchema, policySchema, projectSchema } from '../schemas.ts';
import type { MethodName } from '../schemas.ts';
import { serverRecordSchema } from '../inventory/types.ts';

export const manifestVersion = 3;

/** The oldest reader that understands it: what the method of version 1 made is written as before, so that a controller of before can recover it. */
export const versionFor = (method: MethodName): number => ({ 'group-snapshot': 1, 'server-image': 2, replication: 3 })[method];

/**
 * All that a recovery reads, as it lies at the recovery site: a controller with an empty database needs nothing else.
 * Readers accept every version up to their own; a field is only ever added.
 */
export const manifestSchema = z.object({
  schema: z.literal('godwit.recovery-point'),
  version: z.number().int().min(1).max(manifestVersion),
  group: z.object({
    id: z.uuid(),
    name: z.string(),
    project: projectSchema,
    site: z.string(),
    recoverySite: z.string(),
    epoch: z.number().int(),
    members: z.array(memberSchema),
    policy: policySchema,
    createdAt: z.iso.datetime(),
  }),
  point: z.object({
    id: z.uuid(),
    sequence: z.number().int(),
    createdAt: z.iso.datetime(),
    frozenAt: z.iso.datetime(),
    method: z.enum(methodNames).optional(),
    consistency: consistencySchema,
    incremental: z.boolean(),
    freezeWindowMs: z.number(),
    groupSnapshotMs: z.number(),
    sourceSite: z.string(),
    recoverySite: z.string(),
    volumes: z.array(pointVolumeSchema),
    images: z.array(pointImageSchema).optional(),
  }),
  servers: z.array(serverRecordSchema),
}).superRefine(({ point, servers }, ctx) => {
  // What is verified is the chains, what is restored is the backups: they must be the same, and of every volume.
  for (const [n, v] of point.volumes.entries()) {
    if (v.replica === undefined ? v.backupId === '' || v.chain.at(-1) !== v.backupId : v.backupId !== '' || v.chain.length > 0) ctx.addIssue({ code: 'custom', path: ['point', 'volumes', n, 'chain'], message: 'does not end with the backup' });
  }
  const saved = new Set(point.volumes.map((v) => v.volumeId));
  for (const { id } of servers.flatMap((s) => s.volumes)) {
    if (!saved.has(id)) ctx.addIssue({ code: 'custom', path: ['servers'], message: `volume ${id} has no backup` });
  }
  const rooted = new Set((point.images ?? []).map((i) => i.serverId));
  for (const { id } of servers.filter((v) => v.imageBooted)) {
    if (!rooted.has(id)) ctx.addIssue({ code: 'custom', path: ['servers'], message: `server ${id} has no root disk` });
  }
});
export type Manifest = z.infer<typeof manifestSchema>;
