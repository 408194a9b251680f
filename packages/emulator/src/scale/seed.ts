import type { Site } from '../core/site.ts';
import { compute } from '../nova/runtime.ts';
import type { NovaState, Server } from '../nova/state.ts';
import type { CinderState, Volume } from '../cinder/state.ts';
import { GIB } from '../cinder/state.ts';
import { createSparse } from '../storage/sparse.ts';
import type { ServiceDefinition } from '../http/service.ts';

/** `10.SITE.SITE.N`: no two sites' servers share an address, so that one site's can come back at another. */
const address = (index: number, n: number): string => `10.${String(index >> 8)}.${String(index & 255)}.${String(n + 1)}`;

const stateOf = <S>(site: Site, service: string): S => site.state(site.services.find((s) => s.name === service) as ServiceDefinition<S>);

/**
 * Running servers, each with one volume and one port, put where the services would have put them: as many as are asked for in no time.
 * They are called `web-0000`, `web-0001`, … @returns their ids
 */
export function seedServers(site: Site, count: number): string[] {
  const ids: string[] = [];
  const nova = stateOf<NovaState>(site, 'compute');
  const cinder = stateOf<CinderState>(site, 'volume');
  const project = site.part('identity').projectNamed('vnf')?.id ?? '';
  const user = site.part('identity').userNamed('tenant')?.id ?? '';
  const ports = site.part('ports');
  const network = ports.networksOf(project)[0]?.id ?? '';
  const [flavor] = nova.flavors.values();
  const type = [...cinder.types.values()].find((t) => t.name === 'ceph');
  if (!flavor || !type) throw new Error(`${site.name} has no flavor or volume type`);
  nova.quotas.set(project, { instances: -1, cores: -1, ram: -1 });
  const imageMetadata = { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' };
  const now = site.now();
  for (let n = 0; n < count; n += 1) {
    const id = site.random.uuid();
    const volume: Volume = {
      id: site.random.uuid(), projectId: project, userId: user, createdAt: now, updatedAt: now, name: `root-${String(n).padStart(4, '0')}`, description: null,
      status: 'available', previousStatus: 'available', size: 1, typeId: type.id, zone: 'nova', bootable: true, metadata: {}, imageMetadata,
      snapshotId: null, sourceVolumeId: null, groupId: null, host: `${site.name}@ceph#ceph`, readonlyFlag: undefined, multiattach: false, data: createSparse(GIB),
    };
    cinder.volumes.set(volume.id, volume);
    const attachmentId = site.part('volumes').reserve(volume.id, id);
    site.part('volumes').attach(volume.id, { attachmentId, serverId: id, host: site.host, device: '/dev/vda' });
    const port = ports.create({ projectId: project, networkId: network, deviceId: id, fixedIp: address(site.spec.index, n) });
    ports.bind(port, { deviceId: id, deviceOwner: 'compute:nova', host: site.host });
    nova.counters.servers += 1;
    const server: Server = {
      id, name: `web-${String(n).padStart(4, '0')}`, projectId: project, userId: user, vmState: 'active', taskState: null, powerState: 1, flavor, imageId: null, localDisk: undefined,
      created: now, updated: now, launchedAt: now, host: site.host, zone: 'nova', pinnedZone: null, keyName: null, configDrive: false, userData: null, metadata: {}, tags: [], description: null,
      hostname: `web-${String(n)}`, locked: null, fault: null, volumes: [{ id: site.random.uuid(), volumeId: volume.id, attachmentId, device: '/dev/vda', deleteOnTermination: false, tag: null }],
      ports: [{ id: port, tag: null, owned: false }], groupId: null, reservationId: `r-${site.random.hex(8)}`, number: nova.counters.servers,
    };
    nova.servers.set(id, server);
    compute(site).guests.boot(id, [volume.id], true);
    ids.push(id);
  }
  return ids;
}
