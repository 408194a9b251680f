import { createCloud, type Cloud } from '@godwit/openstack';
import type { Emulator } from '@godwit/emulator';
import { eventually } from './wait.ts';

export interface Member {
  readonly name: string;
  readonly id: string;
  readonly ip: string;
  readonly mac: string;
  /** Root first. */
  readonly volumes: readonly string[];
}

/** As the lab's: two members, each with a root and a data volume of 1 GiB. */
const specs = [
  { name: 'vnf-db', ip: '192.168.50.11', mac: 'fa:16:3e:50:00:11' },
  { name: 'vnf-app', ip: '192.168.50.12', mac: 'fa:16:3e:50:00:12' },
] as const;

/** One of the emulated sites, as an entry of its clouds.yaml has it. */
export function connect(emulator: Emulator, name: string): Cloud {
  const entry = emulator.clouds()[name];
  if (!entry) throw new Error(`the topology has no cloud ${name}`);
  const { auth } = entry;
  return createCloud({
    name, regionName: entry.region_name, interface: 'public', endpointOverrides: {}, tls: { verify: true },
    auth: { type: 'password', authUrl: auth.auth_url, username: auth.username, password: auth.password, projectName: auth.project_name, userDomainName: auth.user_domain_name, projectDomainName: auth.project_domain_name },
  });
}

/** Makes the application as its tenant would, and waits until its writers write. */
export async function createVnf(emulator: Emulator, site: string, signal: AbortSignal): Promise<Member[]> {
  const cloud = connect(emulator, site);
  try {
    return await Promise.all(specs.map((spec) => createMember(emulator, site, cloud, spec, signal)));
  } finally {
    await cloud.close();
  }
}

async function createMember(emulator: Emulator, site: string, cloud: Cloud, spec: (typeof specs)[number], signal: AbortSignal): Promise<Member> {
  const [[image], flavors, [network]] = await Promise.all([cloud.image.list({ name: 'godwit-guest' }), cloud.compute.flavors.list(), cloud.network.networks.list({ name: 'vnf-net' })]);
  const flavor = flavors.find((f) => f.name === 'vnf.small');
  if (!image || !flavor || !network) throw new Error(`${site} has no image godwit-guest, flavor vnf.small or network vnf-net: use a topology that gives them`);
  const volumes = await Promise.all([
    cloud.volume.volumes.create({ name: `${spec.name}-root`, size: 1, imageRef: image.id }),
    // Metadata: a restore lays it over that of the new volume, which must be Godwit's all the same.
    cloud.volume.volumes.create({ name: `${spec.name}-data`, size: 1, metadata: { purpose: 'data' } }),
  ]);
  for (const volume of volumes) {
    await eventually(`volume ${volume.name ?? ''}`, signal, async () => {
      const { status } = await cloud.volume.volumes.get(volume.id);
      if (status.startsWith('error')) throw new Error(`${site}: volume ${volume.name ?? volume.id} is ${status}`);
      return status === 'available';
    });
  }
  const port = await cloud.network.ports.create({ network_id: network.id, name: `${spec.name}-port`, mac_address: spec.mac, fixed_ips: [{ ip_address: spec.ip }] });
  const server = await cloud.compute.servers.create({
    server: {
      name: spec.name, flavorRef: flavor.id, networks: [{ port: port.id }], metadata: { role: spec.name },
      block_device_mapping_v2: volumes.map((v, n) => ({ boot_index: n === 0 ? 0 : -1, uuid: v.id, source_type: 'volume' as const, destination_type: 'volume' as const })),
    },
  });
  await eventually(`server ${spec.name}`, signal, async () => {
    const now = await cloud.compute.servers.get(server.id);
    if (now.status === 'ERROR') throw new Error(`${site}: server ${spec.name}: ${now.fault?.message ?? 'ERROR'}`);
    return now.status === 'ACTIVE';
  });
  return { ...spec, id: server.id, volumes: volumes.map((v) => v.id) };
}
