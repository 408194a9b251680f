import { z } from 'zod';

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
  bootIndex: z.number().int().describe('0: the root; -1: data'),
  deleteOnTermination: z.boolean(),
  imageMetadata: z.record(z.string(), z.string()).describe('of the image it was made from; holds hw_qemu_guest_agent'),
  metadata: z.record(z.string(), z.string()),
});
export type VolumeRecord = z.infer<typeof volumeRecordSchema>;

export const serverRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  order: z.number().int(),
  host: z.string().describe('name of its nova-compute'),
  status: z.string(),
  imageBooted: z.boolean(),
  flavor: z.object({ name: z.string(), vcpus: z.number(), ramMiB: z.number(), ephemeralGiB: z.number(), swapMiB: z.number() }),
  availabilityZone: z.string().optional(),
  keyName: z.string().optional(),
  configDrive: z.boolean(),
  metadata: z.record(z.string(), z.string()),
  tags: z.array(z.string()),
  ports: z.array(portRecordSchema),
  volumes: z.array(volumeRecordSchema),
});
export type ServerRecord = z.infer<typeof serverRecordSchema>;
