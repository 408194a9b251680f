import { isOpenStackError, type Backup, type Cloud } from '@godwit/openstack';
import { parseGuestConsole } from '../guest/index.ts';
import type { Lab } from '../index.ts';
import { connect } from './clouds.ts';
import { eventually } from './wait.ts';

export const network = 'vnf-net';

export interface VnfMember {
  readonly name: string;
  readonly id: string;
  readonly ip: string;
  readonly mac: string;
  readonly rootVolume: string;
  readonly dataVolume: string;
}

export interface MemberSpec {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
}

/** The application that is protected: two members, each with a root and a data volume of 1 GiB. */
export const twoMembers: readonly MemberSpec[] = [
  { name: 'vnf-db', ip: '192.168.50.11', mac: 'fa:16:3e:50:00:11' },
  { name: 'vnf-app', ip: '192.168.50.12', mac: 'fa:16:3e:50:00:12' },
];

/** Makes a VNF as its tenant would, and waits until every member's writer runs. */
export async function createVnf(lab: Lab, site: string, specs: readonly MemberSpec[] = twoMembers): Promise<VnfMember[]> {
  const cloud = await connect(lab, site);
  try {
    const members = await Promise.all(specs.map((spec) => createMember(cloud, spec)));
    await Promise.all(members.map((m) => guestReady(lab, site, m.id)));
    return members;
  } finally {
    await cloud.close();
  }
}

async function createMember(cloud: Cloud, spec: MemberSpec): Promise<VnfMember> {
  const [image] = await cloud.image.list({ name: 'godwit-guest' });
  const flavor = (await cloud.compute.flavors.list()).find((f) => f.name === 'vnf.small');
  const [net] = await cloud.network.networks.list({ name: network });
  if (!image || !flavor || !net) throw new Error('the lab has no image godwit-guest, flavor vnf.small or network vnf-net');
  const [root, data] = await Promise.all([
    cloud.volume.volumes.create({ name: `${spec.name}-root`, size: 1, imageRef: image.id, volume_type: 'ceph' }),
    cloud.volume.volumes.create({ name: `${spec.name}-data`, size: 1, volume_type: 'ceph' }),
  ]);
  await Promise.all([root, data].map((v) => volumeAvailable(cloud, v.id)));
  const port = await cloud.network.ports.create({ network_id: net.id, name: `${spec.name}-port`, mac_address: spec.mac, fixed_ips: [{ ip_address: spec.ip }] });
  const server = await cloud.compute.servers.create({
    server: {
      name: spec.name,
      flavorRef: flavor.id,
      config_drive: true,
      networks: [{ port: port.id }],
      metadata: { role: spec.name },
      block_device_mapping_v2: [root, data].map((v, n) => ({ boot_index: n === 0 ? 0 : -1, uuid: v.id, source_type: 'volume' as const, destination_type: 'volume' as const })),
    },
  });
  await eventually(`server ${spec.name} to be ACTIVE`, async () => {
    const now = await cloud.compute.servers.get(server.id);
    if (now.status === 'ERROR') throw new Error(`server ${spec.name}: ${now.fault?.message ?? 'ERROR'}`);
    return now.status === 'ACTIVE';
  });
  return { ...spec, id: server.id, rootVolume: root.id, dataVolume: data.id };
}

export async function volumeAvailable(cloud: Cloud, id: string): Promise<void> {
  await eventually(`volume ${id} to be available`, async () => {
    const { status } = await cloud.volume.volumes.get(id);
    if (status.startsWith('error')) throw new Error(`volume ${id} is ${status}`);
    return status === 'available';
  });
}

/** Until the guest has booted and its writer has written. */
export async function guestReady(lab: Lab, site: string, server: string): Promise<void> {
  await eventually(`guest ${server} at ${site} to be ready`, () => parseGuestConsole(lab.consoleLog(site, server)).ready, { timeoutMs: 600_000 });
}

const gone = async (look: () => Promise<unknown>): Promise<boolean> => {
  try {
    await look();
    return false;
  } catch (error) {
    if (isOpenStackError(error, 'OS_NOT_FOUND')) return true;
    throw error;
  }
};

/** Deletes everything of the tenant's project at a site, whoever made it: a scenario begins with an empty project. */
export async function emptyProject(lab: Lab, site: string): Promise<void> {
  const cloud = await connect(lab, `${site}-godwit`);
  try {
    const servers = await cloud.compute.servers.list();
    await Promise.all(
      servers.map(async (s) => {
        if (s.locked) await cloud.compute.servers.unlock(s.id);
        await cloud.compute.servers.delete(s.id);
        await eventually(`server ${s.name} to be gone`, () => gone(() => cloud.compute.servers.get(s.id)));
      }),
    );
    const projectId = (await cloud.session.token()).projectId;
    const ports = await cloud.network.ports.list({ project_id: projectId ?? '' });
    await Promise.all(ports.filter((p) => p.device_owner !== 'lab:pinger' && !p.device_owner?.startsWith('network:')).map((p) => cloud.network.ports.delete(p.id)));
    for (const g of await cloud.volume.groupSnapshots.list()) {
      await cloud.volume.groupSnapshots.delete(g.id);
      await eventually(`group snapshot ${g.id} to be gone`, () => gone(() => cloud.volume.groupSnapshots.get(g.id)));
    }
    // A volume cannot be deleted while a snapshot of it is.
    for (const s of await cloud.volume.snapshots.list()) await cloud.volume.snapshots.delete(s.id);
    await eventually('snapshots to be gone', async () => (await cloud.volume.snapshots.list()).length === 0);
    for (const g of await cloud.volume.groups.list()) {
      const inside = (await cloud.volume.volumes.list()).filter((v) => v.group_id === g.id).map((v) => v.id);
      if (inside.length > 0) await cloud.volume.groups.update(g.id, { remove_volumes: inside });
      await eventually(`group ${g.id} to be idle`, async () => (await cloud.volume.groups.get(g.id)).status === 'available');
      await cloud.volume.groups.delete(g.id);
      await eventually(`group ${g.id} to be gone`, () => gone(() => cloud.volume.groups.get(g.id)));
    }
    await deleteBackups(cloud, () => true);
    const volumes = await cloud.volume.volumes.list();
    await Promise.all(
      volumes.map(async (v) => {
        await eventually(`volume ${v.id} to be deletable`, async () => {
          const now = await cloud.volume.volumes.get(v.id);
          return now.status === 'available' || now.status.startsWith('error');
        });
        await cloud.volume.volumes.delete(v.id);
        await eventually(`volume ${v.id} to be gone`, () => gone(() => cloud.volume.volumes.get(v.id)));
      }),
    );
    for (const image of (await cloud.image.list({ os_hidden: true })).filter((i) => i.owner === projectId)) {
      if (image.protected) await cloud.image.update(image.id, [{ op: 'replace', path: '/protected', value: false }]);
      await cloud.image.delete(image.id);
    }
  } finally {
    await cloud.close();
  }
}

/** Children before their parents: Cinder refuses the other order. */
export async function deleteBackups(cloud: Cloud, which: (backup: Backup) => boolean): Promise<void> {
  await eventually('every backup to be gone', async () => {
    const backups = (await cloud.volume.backups.list()).filter(which);
    if (backups.length === 0) return true;
    for (const b of backups.filter((x) => !x.has_dependent_backups && x.status !== 'deleting')) {
      await cloud.volume.backups.delete(b.id, { force: !['available', 'error'].includes(b.status) }).catch(() => undefined);
    }
    return false;
  }, { everyMs: 1_000 });
}
