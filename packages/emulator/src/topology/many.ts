import { type Topology, topologySchema } from './schema.ts';

/** Name of the n-th site of {@link manySites}, from 1. */
export const siteName = (n: number): string => `s${String(n).padStart(4, '0')}`;

/** Any number of sites that are all alike: one project `vnf`, its tenant, Godwit's user; no quotas; a network with room for all. */
export function manySites(count: number): Topology {
  return topologySchema.parse({
    name: 'many-sites',
    sites: Object.fromEntries(Array.from({ length: count }, (_, i) => [siteName(i + 1), { index: i + 1, hypervisor: `${siteName(i + 1)}-c1` }])),
    cinder: { volumeTypes: [{ name: 'ceph', backend: 'ceph' }], backup: { driver: 'posix' } },
    projects: { vnf: { quotas: { volumes: -1, snapshots: -1, backups: -1, gigabytes: -1, backup_gigabytes: -1, groups: -1 } } },
    users: {
      tenant: { roles: [{ role: 'member', project: 'vnf' }] },
      godwit: { roles: [{ role: 'admin', project: 'vnf' }, { role: 'member', project: 'vnf' }, { role: 'admin', project: 'service' }] },
    },
    flavors: [{ name: 'vnf.small', vcpus: 1, ramMiB: 192, diskGiB: 0 }],
    networks: [{ name: 'vnf-net', project: 'vnf', subnet: { name: 'vnf-subnet', cidr: '10.0.0.0/8', gateway: '10.255.255.254', pool: ['10.128.0.1', '10.250.255.254'] } }],
    images: [{ name: 'godwit-guest', source: 'guest', properties: { hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' } }],
    clouds: [
      { suffix: '', user: 'tenant', project: 'vnf' },
      { suffix: 'admin', user: 'admin', project: 'admin' },
      { suffix: 'godwit', user: 'godwit', project: 'vnf' },
    ],
  });
}
