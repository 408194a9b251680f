import { createHash } from 'node:crypto';

/** Debian release of the package tree: it carries OpenStack 2025.1. */
export const suite = 'trixie';

/** What is installed over the minimal system; recommended packages are not. */
export const packages: readonly string[] = [
  // OpenStack
  'keystone', 'glance-api', 'placement-api',
  'nova-api', 'nova-conductor', 'nova-scheduler', 'nova-compute', 'nova-compute-qemu',
  'neutron-server', 'neutron-api', 'neutron-rpc-server', 'neutron-openvswitch-agent', 'neutron-plugin-ml2', 'neutron-l3-agent', 'neutron-dhcp-agent',
  'cinder-api', 'cinder-scheduler', 'cinder-volume', 'cinder-backup',
  'swift-proxy', 'swift-account', 'swift-container', 'swift-object',
  'python3-openstackclient', 'uwsgi-core', 'uwsgi-plugin-python3',
  // what it stands on
  'mariadb-server', 'galera-4', 'galera-arbitrator-4', 'rabbitmq-server', 'memcached', 'haproxy',
  'openvswitch-switch', 'ovn-central', 'ovn-host',
  'qemu-system-x86', 'qemu-utils', 'qemu-block-extra', 'libvirt-daemon-system', 'libvirt-clients',
  'ceph-osd', 'ceph-mon', 'ceph-mgr', 'rbd-mirror', 'ceph-common', 'python3-rbd', 'python3-rados',
  // tools, and what the guest image is made of
  'iptables', 'iputils-ping', 'tcpdump', 'curl', 'procps', 'socat', 'rsync', 'zstd',
  'cpio', 'xz-utils', 'busybox-static', 'extlinux', 'syslinux-common', 'e2fsprogs', 'qemu-guest-agent',
];

/** Names the tree that these packages make; a change of the list makes a new tree. */
export function treeKey(release: string = suite, list: readonly string[] = packages): string {
  return createHash('sha256').update(JSON.stringify([release, [...list].sort()])).digest('hex').slice(0, 12);
}
