import { z } from 'zod';
import { mirrorModes, replicaSchema } from './replication/types.ts';

/** Shapes that people and programs see: the HTTP API, the catalogue, the manifest. Times are ISO 8601 in UTC, sizes as named. */

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, . _ -; at most 63; begins with a letter or digit');
const timestamp = z.iso.datetime();

export const methodNames = ['group-snapshot', 'server-image', 'replication'] as const;
export type MethodName = (typeof methodNames)[number];

const policyFields = {
  method: z.enum(methodNames).describe('group-snapshot: ordered quiesce, one group snapshot, incremental backups. server-image: an image of each server by Nova, backups of its snapshots; the servers are not consistent with each other. replication: ordered quiesce, a mark in copies that the storage keeps at the recovery site'),
  freezeLimitSeconds: z.number().int().min(5).max(300).describe('no guest stays frozen longer than this'),
  retain: z.number().int().min(1).max(365).describe('recovery points kept'),
  fullEvery: z.number().int().min(1).max(100).describe('a new full backup after this many points of a chain'),
  backupZone: z.string().min(1).describe('availability zone of the cinder-backup to use; left out: Cinder’s choice'),
  mirrorMode: z.enum(mirrorModes).describe('of replication: snapshot (default) ships a point when it is made, journal every write'),
  groupConsistent: z.boolean().describe('every recovery point must show all members at one moment; a method that cannot give that is refused'),
};

export const policySchema = z.strictObject({
  method: policyFields.method.default('group-snapshot'),
  freezeLimitSeconds: policyFields.freezeLimitSeconds.default(30),
  retain: policyFields.retain.default(7),
  fullEvery: policyFields.fullEvery.default(14),
  backupZone: policyFields.backupZone.optional(),
  groupConsistent: policyFields.groupConsistent.optional(),
  mirrorMode: policyFields.mirrorMode.optional(),
});
export type Policy = z.infer<typeof policySchema>;

export const groupSpecSchema = z.strictObject({
  name,
  site: z.string().min(1).describe('where the members run'),
  recoverySite: z.string().min(1).describe('where the group comes back'),
  members: z.array(z.string().min(1)).min(1).max(64).describe('servers by name or id, in the order they are frozen and booted'),
  policy: policySchema.prefault({}),
});
export type GroupSpec = z.input<typeof groupSpecSchema>;

/** Only what is named changes. */
export const groupChangeSchema = z.strictObject({
  policy: z.strictObject({ ...policyFields, backupZone: policyFields.backupZone.nullable().describe('availability zone of the cinder-backup to use; null: Cinder’s choice') }).partial(),
});
export type GroupChange = z.infer<typeof groupChangeSchema>;

export function changedPolicy(policy: Policy, { policy: change }: GroupChange): Policy {
  const named = Object.entries(change).filter(([, value]) => value !== undefined);
  return policySchema.parse(Object.fromEntries(Object.entries({ ...policy, ...Object.fromEntries(named) }).filter(([, value]) => value !== null)));
}

export const groupStates = ['New', 'Protecting', 'Protected', 'Degraded', 'FailingOver', 'FailedOver'] as const;
export const conditionSchema = z.object({
  type: z.string().describe('Protected, Ready, Replicating, Recovered, SourceFenced, Rebuilt'),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  since: timestamp,
});
export type Condition = z.infer<typeof conditionSchema>;

export const memberSchema = z.object({
  serverId: z.string().describe('at the active site'),
  name: z.string(),
  order: z.number().int().describe('0 is frozen and booted first'),
});
export type Member = z.infer<typeof memberSchema>;

export const projectSchema = z.object({ name: z.string(), domain: z.string() });

export const groupSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  project: projectSchema,
  site: z.string().describe('where it was created'),
  recoverySite: z.string(),
  activeSite: z.string().describe('where its members run now, by the newest epoch'),
  epoch: z.number().int().min(1).describe('grows with every failover; what an older epoch started may change nothing'),
  state: z.enum(groupStates),
  progression: z.string().optional().describe('what it is doing or waiting for'),
  members: z.array(memberSchema),
  policy: policySchema,
  conditions: z.array(conditionSchema),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Group = z.infer<typeof groupSchema>;

export const pointVolumeSchema = z.object({
  volumeId: z.string().describe('the protected volume, at the source site'),
  name: z.string(),
  sizeGiB: z.number().int(),
  device: z.string(),
  backupId: z.string().describe('empty: its data is in no backup'),
  incremental: z.boolean(),
  chain: z.array(z.string()).describe('backup ids from the full one to this one'),
  replica: replicaSchema.optional().describe('the copy that the storage keeps at the recovery site'),
});

export const pointImageSchema = z.object({
  serverId: z.string().describe('the protected server, at the source site, whose root disk it is'),
  serverName: z.string(),
  imageId: z.string().describe('at the recovery site'),
  sizeBytes: z.number().int(),
  hash: z.object({ algorithm: z.string(), value: z.string() }).describe('of its bytes, made at the source site'),
  diskFormat: z.string(),
});
export type PointImage = z.infer<typeof pointImageSchema>;

export const consistencySchema = z.enum(['application', 'server', 'none'])
  .describe('application: every member was frozen by its guest agent while the snapshot was made. server: each member for itself, at a moment of its own. none: as after a power cut, a server’s disks not of one moment either');
export type Consistency = z.infer<typeof consistencySchema>;

export const pointSchema = z.object({
  id: z.uuid(),
  groupId: z.uuid(),
  groupName: z.string(),
  epoch: z.number().int(),
  sequence: z.number().int(),
  state: z.enum(['Pending', 'Available', 'Failed', 'Deleting']),
  method: z.enum(methodNames).optional().describe('by which it was made; left out: group-snapshot'),
  consistency: consistencySchema,
  sourceSite: z.string(),
  recoverySite: z.string(),
  incremental: z.boolean(),
  createdAt: timestamp,
  frozenAt: timestamp.optional().describe('when the first member was frozen: the moment that the data is of'),
  freezeWindowMs: z.number().optional().describe('first freeze sent to last thaw confirmed, by the controller’s clock'),
  groupSnapshotMs: z.number().optional(),
  volumes: z.array(pointVolumeSchema),
  images: z.array(pointImageSchema).optional().describe('root disks that are no volumes'),
  manifest: z.object({ imageId: z.string(), sha256: z.string() }).optional(),
  jobId: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type RecoveryPoint = z.infer<typeof pointSchema>;

export const findingSchema = z.object({
  code: z.string(),
  message: z.string(),
  site: z.string().optional(),
  resource: z.string().optional(),
  action: z.string().optional(),
  requestId: z.string().optional(),
});
export type Finding = z.infer<typeof findingSchema>;

export const reportSchema = z.object({
  ok: z.boolean(),
  group: z.string(),
  findings: z.array(findingSchema).describe('all that is missing, not only the first'),
  warnings: z.array(findingSchema).default([]).describe('what is not as it should be at the recovery site, but refuses nothing; `action` is the command that mends it'),
  plan: z.array(z.string()).describe('what would be done, in order'),
});
/** What a dry run answers, and what a refused job carries in its error’s details. */
export type Report = z.infer<typeof reportSchema>;

export const adviceSchema = z.object({
  group: z.string(),
  site: z.string().describe('where its members run now'),
  recoverySite: z.string(),
  recommended: z.enum(methodNames).optional().describe('of the usable ones, the one whose points show the most at one moment'),
  methods: z.array(z.object({
    method: z.enum(methodNames),
    current: z.boolean(),
    usable: z.boolean(),
    consistency: consistencySchema.optional(),
    reasons: z.array(findingSchema).describe('why it cannot be used now'),
    expected: z.object({
      points: z.number().int().describe('of this group, by this method from this site, that the rest is measured from'),
      freezeWindowMs: z.number().optional().describe('the longest of them'),
      protectSeconds: z.number().optional().describe('from the moment of the data until the point counts; median'),
      rpoSeconds: z.number().optional().describe('data lost at worst, at the pace of the points until now'),
      rtoSeconds: z.number().optional().describe('of recoveries from such points; median'),
      imageBytes: z.number().optional().describe('root disks of one point in the recovery site’s Glance; what backups take is not told by Cinder'),
    }).describe('measured, of the last ten; empty where there is no history'),
  })),
});
export type Advice = z.infer<typeof adviceSchema>;

export const recoveryResultSchema = z.object({
  group: z.string(),
  point: z.string(),
  site: z.string(),
  epoch: z.number().int(),
  servers: z.array(z.object({ name: z.string(), id: z.string(), bootedAt: timestamp, ports: z.array(z.object({ mac: z.string(), ips: z.array(z.string()) })) })),
  rpoSeconds: z.number().describe('age of the recovered data when the recovery was asked for'),
  rtoSeconds: z.number().describe('from the request to the last member being up'),
  sourceFenced: z.boolean().describe('false: the lost site could not be reached; it is fenced when it comes back'),
  alreadyActive: z.boolean(),
});
export type RecoveryResult = z.infer<typeof recoveryResultSchema>;

export const verifyResultSchema = z.object({
  point: z.string(),
  ok: z.boolean(),
  restored: z.boolean().describe('each chain was really restored to a scratch volume'),
  findings: z.array(findingSchema),
});
export type VerifyResult = z.infer<typeof verifyResultSchema>;

export const rebuildResultSchema = z.object({
  site: z.string(),
  groups: z.array(z.string()),
  points: z.array(z.string()),
  findings: z.array(findingSchema).describe('manifests passed over, and why'),
});
export type RebuildResult = z.infer<typeof rebuildResultSchema>;

export const quiesceResultSchema = z.object({
  server: z.string(),
  site: z.string(),
  frozen: z.boolean(),
  elapsedMs: z.number(),
  thawsAt: timestamp.optional().describe('when the site’s own broker thaws it if nobody does before'),
});
export type QuiesceResult = z.infer<typeof quiesceResultSchema>;
