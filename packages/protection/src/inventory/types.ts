import { z } from 'zod';
import { projectSchema } from '../schemas.ts';

/** What a recovery must know of a member, read at the source site. Kept in the manifest: strings and numbers only, no secrets. */

export const portRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  mac: z.string(),
  network: z.string().describe('its name'),
  addresses: z.array(z.object({ ip: z.string(), cidr: z.string() })),
  securityGroups: z.array(z.string()),
  portSecurity: z.boolean(),
  allowedAddressPairs: z.array(z.object({ ip: z.string(), mac: z.string().optional() })),
});
export type PortRecord = z.infer<typeof portRecordSchema>;

export const volumeRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  sizeGiB: z.number().int(),
  type: z.string(),
  device: z.string().describe('/dev/vda …'),
  imageName: z.string().optional().describe('of the image it was made from'),
  bootIndex: z.number().int().describe('0: the root; -1: data'),
  deleteOnTermination: z.boolean(),
  imageMetadata: z.record(z.string(), z.string()).describe('of the image it was made from; holds hw_qemu_guest_agent'),
  metadata: z.record(z.string(), z.string()),
  origin: z.string().optional().describe('of one that a recovery made: the volume whose data it went on with'),
});
export type VolumeRecord = z.infer<typeof volumeRecordSchema>;

export const serverRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  order: z.number().int(),
  host: z.string().describe('name of its nova-compute'),
  status: z.string(),
  imageBooted: z.boolean().describe('its root disk is no volume, but lies with its hypervisor'),
  /** Name and properties of the image that it was booted from; of one whose root is no volume, and only while that image is there. */
  imageName: z.string().optional(),
  imageProperties: z.record(z.string(), z.string()).optional(),
  flavor: z.object({ name: z.string(), vcpus: z.number(), ramMiB: z.number(), ephemeralGiB: z.number(), swapMiB: z.number(), diskGiB: z.number().optional() }),
  availabilityZone: z.string().optional(),
  keyName: z.string().optional(),
  owner: projectSchema.optional().describe('the user who made it, and whose keypair it is'),
  configDrive: z.boolean(),
  metadata: z.record(z.string(), z.string()),
  tags: z.array(z.string()),
  origin: z.string().optional().describe('of one that a recovery made: the server in whose place it is'),
  ports: z.array(portRecordSchema),
  volumes: z.array(volumeRecordSchema),
});
export type ServerRecord = z.infer<typeof serverRecordSchema>;

/** A property of the image that a server was booted from: Nova keeps those of that moment, and does by them. */
export const imageProperty = (server: ServerRecord, name: string): string | undefined =>
  server.imageBooted ? server.imageProperties?.[name] : server.volumes.find((v) => v.bootIndex === 0)?.imageMetadata[name];

const isYes = (value: string | undefined): boolean => ['yes', 'true', '1'].includes(value?.toLowerCase() ?? '');

/** Nova gave it a channel to a guest agent, so Nova can freeze it. */
export const hasAgent = (server: ServerRecord): boolean => isYes(imageProperty(server, 'hw_qemu_guest_agent'));
/** Nova makes no snapshot of it unless it could be frozen. */
export const mustQuiesce = (server: ServerRecord): boolean => isYes(imageProperty(server, 'os_require_quiesce'));
