import type { Cloud } from '@godwit/openstack';
import { until } from './until.ts';

export const network = 'vnf-net';

export interface MemberSpec {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
  /** 1: only a root volume. Default 2. */
  readonly volumes?: number;
  /** Its root disk is its hypervisor's, no volume; then it has no volume at all. */
  readonly localRoot?: boolean;
}

/** The application that is protected: each member has a root and a data volume of 1 GiB, and a writer on both. */
export const twoMembers: readonly MemberSpec[] = [
  { name: 'vnf-db', ip: '192.168.50.11', mac: 'fa:16:3e:50:00:11' },
  { name: 'vnf-app', ip: '192.168.50.12', mac: 'fa:16:3e:50:00:12' },
];

/** The second has no volume: only an image of it can be protected. */
export const oneWithLocalRoot: readonly MemberSpec[] = twoMembers.map((m, n) => (n === 1 ? { ...m, localRoot: true } : m));

/** Makes it as its tenant would, and waits until every member is up. */
export async function createVnf(cloud: Cloud, specs: readonly MemberSpec[] = twoMembers, everyMs = 5): Promise<{ readonly id: string; readonly name: string }[]> {
  return Promise.all(specs.map((spec) => createMember(cloud, spec, everyMs)));
}

async function createMember(cloud: Cloud, spec: MemberSpec, everyMs: number): Promise<{ id: string; name: string }> {
  const [image] = await cloud.image.list({ name: 'godwit-guest' });
  const flavor = (await cloud.compute.flavors.list()).find((f) => f.name === (spec.localRoot ? 'vnf.local' : 'vnf.small'));
  const [net] = await cloud.network.networks.list({ name: network });
  if (!image || !flavor || !net) throw new Error('the sites have no image godwit-guest, flavor vnf.small or network vnf-net');
  const volumes = spec.localRoot ? [] : await Promise.all([
    cloud.volume.volumes.create({ name: `${spec.name}-root`, size: 1, imageRef: image.id, volume_type: 'ceph' }),
    ...(spec.volumes === 1 ? [] : [cloud.volume.volumes.create({ name: `${spec.name}-data`, size: 1, volume_type: 'ceph' })]),
  ]);
  for (const { id } of volumes) await until(`volume ${id} is available`, async () => ((await cloud.volume.volumes.get(id)).status === 'available' ? true : undefined), 30_000, everyMs);
  const port = await cloud.network.ports.create({ network_id: net.id, name: `${spec.name}-port`, mac_address: spec.mac, fixed_ips: [{ ip_address: spec.ip }] });
  const server = await cloud.compute.servers.create({
    server: {
      name: spec.name, flavorRef: flavor.id, config_drive: true, networks: [{ port: port.id }], metadata: { role: spec.name },
      ...(spec.localRoot && { imageRef: image.id }),
      block_device_mapping_v2: volumes.map((v, n) => ({ boot_index: n === 0 ? 0 : -1, uuid: v.id, source_type: 'volume' as const, destination_type: 'volume' as const })),
    },
  });
  await until(`server ${spec.name} is active`, async () => ((await cloud.compute.servers.get(server.id)).status === 'ACTIVE' ? true : undefined), 30_000, everyMs);
  return { id: server.id, name: spec.name };
}
